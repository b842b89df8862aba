import { fileURLToPath } from 'node:url';
import { objectsOf } from '@runner/charts';
import { SERVER_PERMISSIONS, WORKLOAD_PERMISSIONS } from '@runner/executor-argo';
import { expect, test } from 'vitest';
import { guideFences } from '../../src/blocks.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** `group/resource/verb` of each right in a Role of the guide. */
function rightsOf(name: string): readonly string[] {
  const objects = guideFences(ROOT)
    .filter(({ page, kind }) => page === 'docs/argo.md' && kind === 'yaml kubernetes')
    .flatMap(({ text }) => objectsOf(text));
  const rules = objects.find(({ metadata }) => metadata.name === name)?.['rules'] as readonly Rule[];
  return rules
    .flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) => resources.flatMap((each) => verbs.map((verb) => `${group}/${each}/${verb}`))),
    )
    .toSorted();
}

test.each([
  ['argowf-client', SERVER_PERMISSIONS],
  ['argo-workload', WORKLOAD_PERMISSIONS],
])('the guide gives %s the rights that are used, and no other', (name, permissions) => {
  const used = permissions.map(
    ({ group, resource, subresource, verb }) =>
      `${group}/${subresource === undefined ? resource : `${resource}/${subresource}`}/${verb}`,
  );
  expect(rightsOf(name)).toEqual(used.toSorted());
});
