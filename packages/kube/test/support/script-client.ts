import type { Clock } from '@runner/core';
import { testRandom } from '@runner/core/testing';
import type { KubeApiOptions } from '../../src/api/create-kube-api.ts';
import { createKubeApi } from '../../src/api/create-kube-api.ts';
import type { KubeApi, KubeObserver } from '../../src/api/kube-api.ts';
import type { KubeIdentity } from '../../src/identity/identity.ts';
import type { ScriptServer } from './script-server.ts';

export type Called = Parameters<NonNullable<KubeObserver['called']>>[0];

export interface ScriptClient extends AsyncDisposable {
  readonly api: KubeApi;
  readonly calls: readonly Called[];
}

export interface ScriptClientOptions extends Partial<Omit<KubeApiOptions, 'identity'>> {
  /** What differs from an identity with one token. */
  readonly identity?: Partial<KubeIdentity>;
}

/** A client of a scripted server. */
export function scriptClient(
  server: ScriptServer,
  clock: Clock,
  { identity = {}, ...options }: ScriptClientOptions = {},
): ScriptClient {
  const calls: Called[] = [];
  const api = createKubeApi({
    // Getters stay getters: an identity may change its certificates.
    identity: Object.defineProperties(
      {
        place: { server: server.url, clusterId: 'cluster', namespace: undefined },
        authorization: () => Promise.resolve('Bearer token-1'),
      },
      Object.getOwnPropertyDescriptors(identity),
    ),
    clock,
    random: testRandom(),
    observer: { called: (call) => calls.push(call) },
    ...options,
  });
  return { api, calls, [Symbol.asyncDispose]: () => api.close() };
}
