import { describe, expect, it } from 'vitest';
import { parseArguments } from '../../src/arguments.ts';

describe('npm start', () => {
  it('stays in a terminal and ends in a script, unless told otherwise', () => {
    expect(parseArguments([], true).afterwards).toBe('stay');
    expect(parseArguments([], false).afterwards).toBe('end');
    expect(parseArguments(['--once'], true).afterwards).toBe('end');
    expect(parseArguments(['--keep'], false).afterwards).toBe('stay');
  });

  it('refuses words it does not know, and two that contradict each other', () => {
    expect(() => parseArguments(['--onec'], true)).toThrow('--onec');
    expect(() => parseArguments(['--once', '--keep'], true)).toThrow('--keep stays');
  });
});
