import { readFileSync, readdirSync } from 'node:fs';
import { expect, it } from 'vitest';

const room = new URL('../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, room), 'utf8');

it('every code of a diagnosis stands in DIAGNOSES.md, and nothing else does', () => {
  const folder = 'src/diagnose/';
  const source = readdirSync(new URL(folder, room))
    .map((file) => read(`${folder}${file}`))
    .join('\n');
  const documented = [...read('DIAGNOSES.md').matchAll(/^\| `([a-z_]+)`/gm)].map(([, code = '']) => code);
  const literal = [...source.matchAll(/(?:code: |scheduling\(|lost\()\s*'([a-z_]+)'/g)].map(([, code = '']) => code);
  expect(literal.length).toBeGreaterThan(40);
  expect(literal.filter((code) => !documented.includes(code))).toEqual([]);
  const unknown = documented.filter(
    (code) => !source.includes(`'${code}'`) && !/^insufficient_(?:cpu|memory)$/.test(code),
  );
  expect(unknown).toEqual([]);
});
