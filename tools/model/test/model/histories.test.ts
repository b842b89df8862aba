import { readFileSync, readdirSync } from 'node:fs';
import process from 'node:process';
import { describe, expect, it } from 'vitest';
import type { History } from '../../src/history.ts';
import { play } from '../../src/play.ts';
import { playInProcess } from '../support/model-process.ts';

const REGRESSIONS = new URL('regressions/', import.meta.url);
const EACH = 1_000;

describe('random histories', () => {
  it('keep every promise, thousands of them and others each time', async () => {
    const given = process.env['MODEL_SEED'];
    const first = given === undefined ? Math.floor(Math.random() * 2 ** 30) : Number(given);
    const answers = await Promise.all([first, first + 1].map((seed) => playInProcess(EACH, seed)));
    for (const [index, { code, lines, complaints }] of answers.entries()) {
      const again = `npm run model --workspace @runner/model -- ${EACH} ${first + index}`;
      expect(code, `run it again: ${again}\n${lines.join('\n')}\n${complaints}`).toBe(0);
    }
  });
});

describe('histories that once broke a promise', () => {
  const files = readdirSync(REGRESSIONS).filter((name) => name.endsWith('.json'));
  const told = files.map((file) => {
    const { title, history } = JSON.parse(readFileSync(new URL(file, REGRESSIONS), 'utf8')) as {
      title: string;
      history: History;
    };
    return { title, history };
  });

  it.each(told)('$title', async ({ history }) => {
    expect(await play(history)).toEqual([]);
  });
});
