import { readFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { expect, it } from 'vitest';
import { variableTable } from '@runner/agent/config';

const path = new URL('../../README.md', import.meta.url);

it('the README has the table of the catalogue, word for word', async () => {
  const readme = readFileSync(path, 'utf8');
  const inside = /<!-- variables:begin -->\n([^]*?)<!-- variables:end -->/.exec(readme)?.[1];
  const style = (await resolveConfig(path)) ?? {};
  const expected = await format(variableTable(), { ...style, parser: 'markdown' });
  expect(inside?.trim()).toBe(expected.trim());
});
