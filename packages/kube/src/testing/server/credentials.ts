import { createHash } from 'node:crypto';
import type { KubeIdentity } from '../../identity/identity.ts';

/** The identity of somebody with this token. */
export function tokenIdentity(url: string, token: string, namespace: string): KubeIdentity {
  const clusterId = createHash('sha256').update(url).digest('hex');
  return {
    place: { server: url, clusterId, namespace },
    authorization: () => Promise.resolve(`Bearer ${token}`),
  };
}

/** The same for other processes. JSON is YAML. */
export function tokenKubeconfig(url: string, token: string, namespace: string): string {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [{ name: 'test', cluster: { server: url } }],
    users: [{ name: 'test', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace } }],
  };
  return JSON.stringify(config, undefined, 2);
}
