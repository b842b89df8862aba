import { executorContract } from '@runner/executor/testing';
import { OFFICIAL_ROLE, agentRules } from '../../src/index.ts';
import { k8sSubject } from '../support/k8s-subject.ts';

executorContract(
  'Jobs of a real cluster, as an account with exactly the permissions of the executor',
  () => k8sSubject(agentRules()),
  {
    timeoutMs: 180_000,
  },
);

executorContract("Jobs of a real cluster, under the official chart's Role", () => k8sSubject(OFFICIAL_ROLE), {
  timeoutMs: 180_000,
});
