import { expect, test } from 'vitest';
import { fencesOf } from '../../src/fences.ts';

test('a block is found with its kind and its line', () => {
  expect(fencesOf('a.md', 'Text\n\n```yaml values\nreplicaCount: 2\n```\n')).toEqual([
    { page: 'a.md', line: 3, kind: 'yaml values', text: 'replicaCount: 2\n' },
  ]);
});

test('a block of a list loses the indent of the list, and keeps its own', () => {
  const [fence] = fencesOf('a.md', '1. Do this:\n\n   ```yaml values\n   a:\n     b: 1\n   ```\n');
  expect(fence?.text).toBe('a:\n  b: 1\n');
});

test('a block without an end is an error', () => {
  expect(() => fencesOf('a.md', '```sh\nnpm ci\n')).toThrow('a.md:1');
});
