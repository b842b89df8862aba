import { executorContract } from '@runner/executor/testing';
import type { Permission } from '@runner/kube/runs';
import type { TestRight } from '@runner/kube/testing';
import { CRD_PERMISSIONS } from '../../src/index.ts';
import { argoSubject } from '../support/argo-subject.ts';
import { OFFICIAL_RIGHTS } from '../support/transport-subject.ts';

const rightsOf = (permissions: readonly Permission[]): readonly TestRight[] =>
  permissions.map(({ group, resource, subresource, verb }) => ({
    group,
    resources: [subresource === undefined ? resource : `${resource}/${subresource}`],
    verbs: [verb],
  }));

executorContract('Workflows over the custom resources, with exactly the permissions of the executor', () =>
  argoSubject({ rights: rightsOf(CRD_PERMISSIONS) }),
);

executorContract('Workflows over an Argo Server, with the Role of the official chart', () =>
  argoSubject({ transport: 'server', rights: OFFICIAL_RIGHTS }),
);
