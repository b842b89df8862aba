import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../folder.ts';
import { testToken } from '../tokens.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const VALUE = 'not-a-real-password';

/** The command as a process of its own, with exactly this environment. */
function doctor(env: Readonly<Record<string, string>>, ...argv: readonly string[]) {
  const flags = ['--conditions=@runner/source', '--disable-warning=ExperimentalWarning'];
  return new Promise<{ readonly code: unknown; readonly output: string; readonly errors: string }>((resolve) => {
    const options = { env: { PATH: process.env['PATH'] ?? '', ...env } };
    execFile(process.execPath, [...flags, MAIN, 'doctor', ...argv], options, (error, output, errors) =>
      resolve({ code: error === null ? 0 : error.code, output, errors }),
    );
  });
}

it('without any variable doctor says what is missing and exits with 78', async () => {
  const { code, output } = await doctor({});
  expect(code).toBe(78);
  expect(output).toMatch(/fail {4}configuration: AUTH_TOKEN.*\[variable_wrong\] Fix: /);
  expect(output).toContain('SERVER_URL is not set');
});

it('its options are its own, and those it does not know are told', async () => {
  expect(await doctor({}, '--help')).toMatchObject({ code: 0, output: expect.stringContaining('--no-pods') as string });
  expect(await doctor({}, '--json', '--nonsense')).toMatchObject({ code: 78, output: '' });
});

it.each([
  ['secret:shop-db', 'secret_readable'],
  ['secret:nosuch', 'secret_not_found'],
])('it has %s read as local workloads read it: %s', async (reference, reason) => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'shop-db'), VALUE, { mode: 0o600 });
  const env = {
    AUTH_TOKEN: testToken({}),
    SERVER_URL: 'ws://127.0.0.1:1',
    EXECUTOR_TYPE: 'local',
    LOCAL_EXECUTOR_DIR: join(folder.path, 'runs'),
    SECRETS_MANAGER: 'file',
    SECRETS_FILE_DIR: folder.path,
    METRICS_SERVER_PORT: '0',
  };
  const { code, output } = await doctor(env, '--json', '--reference', reference);
  const { checks } = JSON.parse(output) as { checks: { id: string; results: { reason: string }[] }[] };
  expect(checks.find(({ id }) => id === 'secret')?.results[0]?.reason).toBe(reason);
  expect(output).not.toContain(VALUE);
  // Nothing listens at that address.
  expect(code).toBe(1);
});
