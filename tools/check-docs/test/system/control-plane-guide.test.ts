import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { guideFences } from '../../src/blocks.ts';
import { run } from '../support/program.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const { code: missing } = await run('bash', ['-c', 'command -v curl && command -v jq'], { cwd: ROOT });
if (missing !== 0) process.stderr.write('\n######## SKIPPED: commands of the guides: no curl, or no jq ########\n');

/** The guide that makes what the others ask for comes first. */
const ORDER = ['docs/control-plane.md', 'docs/install/README.md', 'docs/install/kind.md'];

const fences = guideFences(ROOT)
  .filter(({ kind, text }) => kind === 'sh' && text.includes('curl ') && text.includes('/api/v1/'))
  .toSorted((one, other) => rank(one.page) - rank(other.page) || one.line - other.line);

function rank(page: string): number {
  const at = ORDER.indexOf(page);
  return at < 0 ? ORDER.length : at;
}

describe.skipIf(missing !== 0)('REST commands of the guides', () => {
  let folder = '';
  let url = '';
  let controlPlane: ChildProcess | undefined;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'runner-guide-'));
    const data = join(folder, 'data');
    const main = join(ROOT, 'apps/control-plane/src/main.ts');
    controlPlane = spawn(
      process.execPath,
      ['--conditions=@runner/source', '--disable-warning=ExperimentalWarning', main],
      {
        env: { PATH: process.env['PATH'], HOME: process.env['HOME'], HOST: '127.0.0.1', PORT: '0', DATA_DIR: data },
        stdio: 'ignore',
      },
    );
    const address = join(data, 'address.json');
    await vi.waitUntil(() => existsSync(address), { timeout: 90_000, interval: 100 });
    ({ url } = JSON.parse(await readFile(address, 'utf8')) as { url: string });
    // Where the guides have it: in a file beside the commands, and where a checkout keeps it.
    for (const place of ['admin-token', '.runner/control-plane/admin-token']) {
      await mkdir(dirname(join(folder, place)), { recursive: true });
      await copyFile(join(data, 'admin-token'), join(folder, place));
    }
  });

  afterAll(async () => {
    if (controlPlane?.exitCode === null) {
      controlPlane.kill('SIGTERM');
      await once(controlPlane, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  });

  async function get(path: string): Promise<unknown> {
    const token = (await readFile(join(folder, 'admin-token'), 'utf8')).trim();
    const answer = await fetch(`${url}/api/v1/${path}`, { headers: { authorization: `Bearer ${token}` } });
    return await answer.json();
  }

  /** What people put in the place of CAPITALS, from what the commands before have made. */
  const PLACES: Readonly<Record<string, () => Promise<string>>> = {
    'RUNNER-ID': async () => ((await get('ingestionRunners/my-runner')) as { id: string }).id,
    'SERVICE-ID': async () => ((await get('services/databaseServices/name/shop')) as { id: string }).id,
    'PIPELINE-ID': async () =>
      ((await get('services/ingestionPipelines/name/shop.shop_metadata')) as { id: string }).id,
    'RUN-ID': async () => ((await get('runs')) as { data: readonly { runId: string }[] }).data[0]?.runId ?? '',
  };

  async function filledIn(text: string): Promise<string> {
    let filled = text.replaceAll(/https:\/\/(?:HOST|runner\.example\.test)|http:\/\/127\.0\.0\.1:8585/g, url);
    for (const [name, value] of Object.entries(PLACES)) {
      if (new RegExp(`\\b${name}\\b`).test(filled)) filled = filled.replaceAll(name, await value());
    }
    return filled;
  }

  /** Commands about the cluster are not this test's. */
  const curls = (text: string): string =>
    text
      .replaceAll(/\\\n/g, '\\\u0000')
      .split('\n')
      .filter((line) => !/^\s*(kubectl|helm) /.test(line))
      .join('\n')
      .replaceAll('\\\u0000', '\\\n');

  test.each(fences)('the control plane answers the commands of $page:$line', async ({ text }) => {
    const script = `set -euo pipefail\n${curls(await filledIn(text))}`;
    const { code, stdout, stderr } = await run('bash', ['-c', script], { cwd: folder });
    if (text.includes('check-secrets')) {
      // No runner is connected here; the question is understood all the same.
      expect(stdout).toContain('runner_inactive');
      return;
    }
    expect(`${stdout}${stderr}`).not.toContain('errorType');
    expect(code).toBe(0);
  });
});
