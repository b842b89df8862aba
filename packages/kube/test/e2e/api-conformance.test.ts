import { describe } from 'vitest';
import { kubeApiContract } from '../../src/testing/kube-api-contract.ts';
import { clusterSubject } from '../support/cluster-subject.ts';

const TIMEOUT_MS = 180_000;
const kubeconfig = process.env.KUBECONFIG;
if (kubeconfig === undefined) {
  console.warn('SKIPPED: the conformance suite of the Kubernetes port did not run, as KUBECONFIG names no cluster.');
}

describe.skipIf(kubeconfig === undefined)('on a cluster', () => {
  kubeApiContract('a real API server', () => clusterSubject(kubeconfig ?? '', TIMEOUT_MS), { timeoutMs: TIMEOUT_MS });
});
