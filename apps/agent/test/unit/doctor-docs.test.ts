import { readFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { describe, expect, it } from 'vitest';
import { CHECKS, checkTable } from '../../src/doctor/catalogue.ts';

const path = new URL('../../../../docs/doctor.md', import.meta.url);
const text = readFileSync(path, 'utf8');

describe('docs/doctor.md', () => {
  it('has the table of all checks and reasons, word for word', async () => {
    const inside = /<!-- checks:begin -->\n([^]*?)<!-- checks:end -->/.exec(text)?.[1];
    const style = (await resolveConfig(path)) ?? {};
    const expected = await format(checkTable(), { ...style, parser: 'markdown' });
    expect(inside?.trim()).toBe(expected.trim());
  });

  it('names no check among the symptoms that does not exist', () => {
    const symptoms = /## Symptoms\n([^]*?)\n## /.exec(text)?.[1] ?? '';
    const known = new Set(CHECKS.flatMap(({ id, reasons }) => [id, ...Object.keys(reasons)]));
    const answers = symptoms.split('\n').flatMap((line) => line.split('|')[2] ?? []);
    const named = answers.flatMap((cell) => [...cell.matchAll(/`([a-z_-]+)`/g)].map(([, name = '']) => name));
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !known.has(name) && !name.startsWith('-'))).toEqual([]);
  });
});

describe('the catalogue of checks', () => {
  it('has each id and each reason once, in snake_case, and a fix for all that is not well', () => {
    const ids = CHECKS.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const reasons = CHECKS.flatMap((check) => Object.entries(check.reasons));
    const names = reasons.map(([name]) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => !/^[a-z]+(_[a-z]+)*$/.test(name))).toEqual([]);
    const unmended = reasons.filter(
      ([name, { level, fix }]) =>
        (level === 'warn' || level === 'fail') && fix === undefined && !name.endsWith('_unseen'),
    );
    expect(unmended).toEqual([]);
  });

  it('bounds every check, and with it the whole, to less than a minute', () => {
    for (const { deadlineMs } of CHECKS) expect(deadlineMs).toBeLessThanOrEqual(45_000);
  });
});
