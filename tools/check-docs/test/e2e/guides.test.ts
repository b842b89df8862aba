import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { findProgram, objectsOf, run } from '@runner/charts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { guideFences } from '../../src/blocks.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const kubectl = (await findProgram('kubectl', process.env)) ?? 'kubectl';
const namespace = `guides-${randomBytes(3).toString('hex')}`;

beforeAll(async () => {
  expect(await run(kubectl, ['create', 'namespace', namespace])).toMatchObject({ code: 0 });
});
afterAll(async () => {
  await run(kubectl, ['delete', 'namespace', namespace, '--wait=false']);
});

const objects = guideFences(ROOT).filter(({ kind }) => kind === 'yaml kubernetes');

test.each(objects)('the API server takes the objects of $page:$line', async ({ text }) => {
  const placed = objectsOf(text).map((object) => ({ ...object, metadata: { ...object.metadata, namespace } }));
  for (const object of placed) {
    const args = ['apply', '--dry-run=server', '--validate=strict', '--filename', '-'];
    const { code, stdout, stderr } = await run(kubectl, args, JSON.stringify(object));
    expect(stderr).toBe('');
    expect(stdout).toContain('server dry run');
    expect(code).toBe(0);
  }
});
