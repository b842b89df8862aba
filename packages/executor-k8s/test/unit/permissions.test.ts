import { expect, it } from 'vitest';
import { describePermission } from '@runner/kube/runs';
import { PERMISSIONS } from '../../src/permissions.ts';

it('asks for nothing that the Role of the official chart does not have, Secrets aside', () => {
  const role: Readonly<Record<string, readonly string[]>> = {
    'jobs.batch': ['create', 'get', 'list', 'watch', 'delete', 'patch', 'update'],
    pods: ['create', 'get', 'list', 'watch', 'delete'],
    'pods/log': ['create', 'get', 'list', 'watch', 'delete'],
    configmaps: ['create', 'get', 'list', 'watch', 'delete', 'patch', 'update'],
    events: ['get', 'list'],
  };
  const beyond = PERMISSIONS.filter(({ resource }) => resource !== 'secrets')
    .map(describePermission)
    .filter((right) => {
      const [verb = '', object = ''] = right.split(' ');
      return role[object]?.includes(verb) !== true;
    });
  expect(beyond).toEqual([]);
});

it('says of each right once what it is for', () => {
  const rights = PERMISSIONS.map(describePermission);
  expect(new Set(rights).size).toBe(rights.length);
  expect(PERMISSIONS.every(({ without }) => without.length > 10 && !without.endsWith('.'))).toBe(true);
});
