import { executorContract } from '@runner/executor/testing';
import type { TestRight } from '@runner/kube/testing';
import { PERMISSIONS } from '../../src/index.ts';
import { memorySubject } from '../support/memory-subject.ts';

const permissions: readonly TestRight[] = PERMISSIONS.map(({ group, resource, subresource, verb }) => ({
  group,
  resources: [subresource === undefined ? resource : `${resource}/${subresource}`],
  verbs: [verb],
}));

executorContract('Jobs, configs in Secrets, with exactly the permissions of the executor', () =>
  memorySubject({ rights: permissions }),
);

executorContract('Jobs, configs inline', () => memorySubject({ delivery: 'inline' }));

executorContract('Jobs, with the conditions of Kubernetes 1.28', () =>
  memorySubject({ delivery: 'inline', conditions: '1.28' }),
);
