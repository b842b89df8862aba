import { describe } from 'vitest';
import { argoApiContract } from '../../src/testing/argo-api-contract.ts';
import { clusterSubject } from '../support/transport-cluster.ts';

const TIMEOUT_MS = 120_000;
const kubeconfig = process.env['KUBECONFIG'];
/** Where Argo Server listens. */
const ENDPOINT = process.env['ARGO_SERVER_URL'] ?? 'http://127.0.0.1:2746';
if (kubeconfig === undefined) {
  console.warn('SKIPPED: the transports to Argo were not tried on a real one, as KUBECONFIG names no cluster.');
}

describe.skipIf(kubeconfig === undefined)('on a cluster', () => {
  for (const transport of ['server', 'crd'] as const) {
    const make = () => clusterSubject(kubeconfig ?? '', ENDPOINT, transport, TIMEOUT_MS);
    argoApiContract(`a real ${transport}`, make, { timeoutMs: TIMEOUT_MS });
  }
});
