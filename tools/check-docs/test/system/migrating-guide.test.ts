import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { guideFences } from '../../src/blocks.ts';
import { run } from '../support/program.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const GUIDE = 'docs/migrating.md';
const TOKEN = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJmYWtlIn0.not-a-signature';

let version: string | undefined;
/** OpenMetadata as far as it matters here: a version, and no bridge. */
const server = createServer((request, response) => {
  if (request.url === '/api/v1/system/version' && version !== undefined) {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ version }));
  } else response.writeHead(404).end();
});
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runner-migrating-'));
  await writeFile(join(folder, 'bot.jwt'), TOKEN);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  await rm(folder, { recursive: true, force: true });
});

/** What the guide tells people to run before they change anything. */
async function asked(): Promise<string> {
  const { port } = server.address() as AddressInfo;
  const text = guideFences(ROOT).find(
    ({ page, kind, text }) => page === GUIDE && kind === 'sh' && text.includes(' doctor'),
  )?.text;
  const script = (text ?? '')
    .replace('wss://HOST', `ws://127.0.0.1:${port}`)
    .replace('/var/tmp/runner-doctor', join(folder, 'runs'))
    .replace('npx node', JSON.stringify(process.execPath))
    .replace('apps/agent/src/main.ts', JSON.stringify(join(ROOT, 'apps/agent/src/main.ts')));
  const { code, stdout } = await run('bash', ['-c', script], { cwd: folder });
  expect(code).toBe(1);
  return stdout;
}

const quotes = guideFences(ROOT)
  .filter(({ page, kind }) => page === GUIDE && kind === 'text')
  .map(({ text }) => text.trim().split('\n'));

test('an OpenMetadata without a bridge is told in the words that the guide quotes', async () => {
  version = '1.9.1';
  const said = await asked();
  for (const line of quotes[0] ?? ['the guide quotes nothing'])
    expect(said).toContain(line.replace('VERSION', version));
});

test('so is a server that says no version', async () => {
  version = undefined;
  const { port } = server.address() as AddressInfo;
  expect(await asked()).toContain((quotes[1]?.[0] ?? 'nothing').replace('HOST', `127.0.0.1:${port}`));
});
