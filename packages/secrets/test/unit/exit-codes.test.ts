import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { exitCodeOf } from '../../src/cli/exit-codes.ts';

it('the README has the exit status of every error code', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const codes = [...readme.matchAll(/^\| `(secret_(?!id_)\w+)` +\| (?:yes|no|depends) /gm)].map(
    ([, code]) => code ?? '',
  );
  expect(codes.length).toBeGreaterThan(14);
  const rows = [...readme.matchAll(/^\| (1[0-9]) +\| (.+?) +\|$/gm)];
  for (const code of codes) {
    const row = rows.find(([, , meaning = '']) => meaning.includes(`\`${code}\``));
    expect(`${code} ${exitCodeOf([code])}`).toBe(`${code} ${row?.[1] ?? '17'}`);
  }
});

it('several failures have the status of their class, or one of their own', () => {
  expect(exitCodeOf([])).toBe(0);
  expect(exitCodeOf(['secret_not_found', 'secret_key_missing'])).toBe(10);
  expect(exitCodeOf(['secret_not_found', 'secret_forbidden'])).toBe(1);
  expect(exitCodeOf(['a_code_of_tomorrow'])).toBe(17);
});
