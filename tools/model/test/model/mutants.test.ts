import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { MUTANTS } from '../../src/mutants.ts';
import { PROMISES, promiseOf } from '../../src/promises.ts';
import type { Answer } from '../support/model-process.ts';
import { eachOf, playInProcess } from '../support/model-process.ts';

describe('mutants', () => {
  const answers = new Map<string, Answer>();
  // Two at once: a core each on a small machine.
  beforeAll(async () => {
    await eachOf(MUTANTS, 2, async ({ name, seed, histories }) => {
      answers.set(name, await playInProcess(histories, seed, name));
    });
  });

  it.each(MUTANTS)('"$name" is brought to light', ({ name, breaks }) => {
    const { code, lines, complaints } = answers.get(name) ?? { code: null, lines: [], complaints: 'it was not played' };
    const all = [...lines, complaints].join('\n');
    expect(code, all).toBe(1);
    expect(lines[0], all).toMatch(/^broken after \d+ histories/);
    const broken = lines.slice(2).map(promiseOf);
    expect(broken, 'something else than a promise was broken').not.toContain(undefined);
    expect(broken, all).toContain(breaks);
  });

  it('die by their own mistake: the code as it is keeps its promises in the same histories', async () => {
    const longest = new Map<number, number>();
    for (const { seed, histories } of MUTANTS) longest.set(seed, Math.max(longest.get(seed) ?? 0, histories));
    await eachOf([...longest], 2, async ([seed, histories]) => {
      const { code, lines, complaints } = await playInProcess(histories, seed);
      expect(code, [...lines, complaints].join('\n')).toBe(0);
    });
  });

  it('have names of their own', () => {
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
  });
});

describe('the README', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

  it.each(MUTANTS)('says what "$name" breaks', ({ name, breaks }) => {
    expect(readme).toMatch(new RegExp(`^\\| ${name} +\\| ${breaks} +\\|`, 'm'));
  });

  it.each(PROMISES)('explains "%s"', (name) => {
    expect(readme).toContain(`**${name}**`);
  });
});
