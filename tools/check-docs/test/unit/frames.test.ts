import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { checkFrames } from '../../src/frames.ts';
import { checkVariableNames } from '../../src/variables.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));

test('every message of the protocol is in the guide about what can be seen', () => {
  expect(checkFrames(ROOT)).toEqual([]);
});

test('a variable that no source names is a finding wherever a guide names it', () => {
  expect(checkVariableNames(ROOT, []).length).toBeGreaterThan(0);
});
