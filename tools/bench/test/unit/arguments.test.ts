import { expect, it } from 'vitest';
import { parseArguments } from '../../src/arguments.ts';

const NAMES = ['codec', 'logs'];

it('runs everything in full unless told otherwise', () => {
  expect(parseArguments([], NAMES)).toEqual({ quick: false, json: false, help: false, only: [] });
});

it('takes several benches, and options in any order', () => {
  expect(parseArguments(['--only', 'logs', '--json', '--only', 'codec', '--quick'], NAMES)).toEqual({
    quick: true,
    json: true,
    help: false,
    only: ['logs', 'codec'],
  });
});

it.each([[['--fast']], [['--only']], [['--only', 'everything']], [['codec']]])('refuses %j', (words) => {
  expect(() => parseArguments(words, NAMES)).toThrow(expect.objectContaining({ code: 'bench_arguments' }));
});
