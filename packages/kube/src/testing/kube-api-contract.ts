import { describe } from 'vitest';
import { accessCases } from './kube-api-contract/access.ts';
import { listingCases } from './kube-api-contract/listing.ts';
import { logCases } from './kube-api-contract/logs.ts';
import { objectCases } from './kube-api-contract/objects.ts';
import type { MakeKubeApi } from './kube-api-contract/subject.ts';
import { watchingCases } from './kube-api-contract/watching.ts';

export type { KubeApiSubject, MakeKubeApi } from './kube-api-contract/subject.ts';

export interface KubeApiContractOptions {
  /** How long one thing may take to happen. Default 10,000 ms; the tests' own timeout must be longer. */
  readonly timeoutMs?: number;
}

/**
 * What a `KubeApi` and the API server behind it do, the real one and the one in memory. Call it at the top of a vitest
 * file: `kubeApiContract('my server', async () => ({ api, namespace, as, … }))`.
 */
export function kubeApiContract(name: string, make: MakeKubeApi, options: KubeApiContractOptions = {}): void {
  const context = { make, timeoutMs: options.timeoutMs ?? 10_000 };
  describe(`the Kubernetes API as spoken with ${name}`, () => {
    describe('objects', () => objectCases(context));
    describe('lists', () => listingCases(context));
    describe('watches', () => watchingCases(context));
    describe('rights', () => accessCases(context));
    describe('logs', () => logCases(context));
  });
}
