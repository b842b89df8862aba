import { describe } from 'vitest';
import { executorContract } from '@runner/executor/testing';
import { LONG_MS } from '../../src/index.ts';
import { argoSubject } from '../support/argo-subject.ts';

// Each test has a namespace of its own, and waits for Argo most of the time.
describe.concurrent('the contract', () => {
  executorContract(
    'Workflows of a real Argo over the custom resources, as an account with exactly the permissions of the executor,',
    () => argoSubject('crd'),
    { timeoutMs: LONG_MS },
  );

  executorContract(
    "Workflows of a real Argo over its server, under the official chart's Role,",
    () => argoSubject('server'),
    { timeoutMs: LONG_MS },
  );
});
