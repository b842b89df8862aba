import { REPOSITORY } from '../../src/images.ts';
import { disagreements, statedVersions } from '../../src/release/versions.ts';
import { expect, it } from 'vitest';

const STATED = [
  { place: 'a', version: '1.2.3' },
  { place: 'b', version: '1.2.4' },
  { place: 'c', version: '' },
];

it('programs and charts of this checkout are of one version', () => {
  expect(disagreements(statedVersions(REPOSITORY), undefined)).toEqual([]);
});

it('names each place that is not of the version of the tag', () => {
  expect(disagreements(STATED, 'v1.2.3')).toEqual([
    'b is 1.2.4, and 1.2.3 is released',
    'c is missing, and 1.2.3 is released',
  ]);
  expect(disagreements(STATED.slice(0, 1), 'v1.2.3')).toEqual([]);
});

it.each(['1.2.3', 'v1.2', 'main', ''])('refuses %j as the tag of a release', (tag) => {
  expect(disagreements(STATED.slice(0, 1), tag)).toHaveLength(1);
});
