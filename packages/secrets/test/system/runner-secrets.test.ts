import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
const INDEX = new URL('../../src/index.ts', import.meta.url).href;
const REGISTER = new URL('../../src/exec/registration.ts', import.meta.url).href;
const ENV_DOOR = new URL('../../src/env.ts', import.meta.url).href;
const NODE = [process.execPath, '--conditions=@runner/source', '--disable-warning=ExperimentalWarning'] as const;
const SECRETS = { SECRETS_MANAGER: 'env', RUNNER_SECRET_DB: 'not-a-real-password', RUNNER_SECRET_PIN: 'ab12' };

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(args: readonly string[], environment: Readonly<Record<string, string>> = SECRETS): ChildProcess {
  const [program, ...rest] = NODE;
  return spawn(program, [...rest, CLI, ...args], { env: { PATH: process.env['PATH'] ?? '', ...environment } });
}

async function ended(child: ChildProcess): Promise<Ended> {
  const out = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => (out.stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (out.stderr += chunk.toString()));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, ...out };
}

const run = (args: readonly string[], environment?: Readonly<Record<string, string>>): Promise<Ended> =>
  ended(start(args, environment));

describe('runner-secrets exec', () => {
  it('hands references on as values, and redacts them in what the program writes', async () => {
    const script = `
      const { password } = JSON.parse(process.env.config).connection;
      console.log('variable', process.env.DB, process.env.DB.length);
      console.log('config', password, Buffer.from('me:' + password).toString('base64'));
      console.error('error', encodeURIComponent(process.env.DB));
      console.log(process.env.PIN);
    `;
    const config = JSON.stringify({ connection: { password: 'secret:db', host: 'db.example' } });
    const result = await run(
      ['exec', '--env', 'DB=secret:db', '--env', 'PIN=secret:pin', '--', process.execPath, '-e', script],
      {
        ...SECRETS,
        config,
      },
    );
    expect(result).toMatchObject({ code: 0, stderr: 'error [redacted]\n' });
    expect(result.stdout).toMatch(/^variable \[redacted\] 19\nconfig \[redacted\] \S*\[redacted\]\S*\n\[redacted\]\n$/);
  });

  it('takes the config from a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'runner-secrets-'));
    try {
      const file = join(folder, 'config.json');
      await writeFile(file, JSON.stringify({ password: 'secret:db' }));
      const script = `process.exit(JSON.parse(process.env.config).password === 'not-a-real-' + 'password' ? 0 : 1)`;
      expect((await run(['exec', '--config', file, '--', process.execPath, '-e', script])).code).toBe(0);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('gives back the exit code of the program, and says when there is no such program', async () => {
    expect((await run(['exec', '--', process.execPath, '-e', 'process.exit(42)'])).code).toBe(42);
    const missing = await run(['exec', '--', '/nonexistent/program']);
    expect(missing).toMatchObject({ code: 127 });
    expect(missing.stderr).toContain('/nonexistent/program could not be started');
  });

  it('hands signals on, and ends as the program did', async () => {
    const child = start([
      'exec',
      '--',
      process.execPath,
      '-e',
      `
      process.on('SIGTERM', () => { console.log('asked to stop'); process.exit(7); });
      console.log('ready'); setInterval(() => undefined, 1000);`,
    ]);
    child.stdout?.once('data', () => child.kill('SIGTERM'));
    expect(await ended(child)).toMatchObject({ code: 7, stdout: 'ready\nasked to stop\n' });
    const killed = await run(['exec', '--', process.execPath, '-e', `process.kill(process.pid, 'SIGKILL')`]);
    expect(killed).toMatchObject({ code: null, signal: 'SIGKILL' });
  });

  it('does not start the program when a reference cannot be resolved, and names every such place', async () => {
    const result = await run(
      ['exec', '--env', 'A=secret:nosuch', '--', process.execPath, '-e', 'console.log("started")'],
      {
        ...SECRETS,
        config: '{"deep":{"password":"secret:alsomissing"}}',
      },
    );
    expect(result).toMatchObject({ code: 125, stdout: '' });
    expect(result.stderr).toContain('A: secret_not_found');
    expect(result.stderr).toContain('/deep/password');
  });

  it('redacts what the program resolves by itself through the library', async () => {
    const script = `
      import { createSecretResolver } from ${JSON.stringify(INDEX)};
      import { inheritedRegister } from ${JSON.stringify(REGISTER)};
      import { createEnvProvider } from ${JSON.stringify(ENV_DOOR)};
      const register = inheritedRegister(process.env);
      const resolver = createSecretResolver({ provider: createEnvProvider({ env: process.env }), ...(register ? { register } : {}) });
      console.log('value', (await resolver.resolve('secret:db')).reveal());
      await resolver.close();
    `;
    const [program, ...flags] = NODE;
    const result = await run(['exec', '--', program, ...flags, '--input-type=module', '-e', script]);
    expect(result).toMatchObject({ code: 0, stdout: 'value [redacted]\n' });
  });

  it('ends the program when nobody reads its output any more', async () => {
    const child = start([
      'exec',
      '--',
      process.execPath,
      '-e',
      `setInterval(() => process.stdout.write('x'.repeat(65536)), 1)`,
    ]);
    child.stdout?.once('data', () => child.stdout?.destroy());
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    expect(signal ?? code).not.toBe(0);
  });
});

describe('runner-secrets check', () => {
  it('says of each reference whether it can be read, without its value', async () => {
    const result = await run(['check', 'secret:db', 'secret:nosuch']);
    expect(result.code).toBe(10);
    expect(result.stdout).toContain('ok      secret:db (env, ');
    expect(result.stdout).toContain('failed  secret:nosuch');
    expect(result.stdout).toContain('secret_not_found');
    expect(result.stdout + result.stderr).not.toContain('not-a-real-password');
  });

  it('says the same as JSON', async () => {
    const result = await run(['check', '--json', 'secret:db', 'secret: spaced', 'secret:nosuch']);
    expect(result.code).toBe(1);
    expect(JSON.parse(result.stdout)).toMatchObject([
      { reference: 'secret:db', ok: true, provider: 'env' },
      { ok: false, error: { code: 'secret_malformed_id' } },
      { ok: false, error: { code: 'secret_not_found' } },
    ]);
  });

  it('tells apart that no store is named', async () => {
    const result = await run(['check', 'secret:db'], {});
    expect(result).toMatchObject({ code: 15 });
    expect(result.stderr).toContain('SECRETS_MANAGER');
  });
});

describe('runner-secrets get', () => {
  it('writes the value to a pipe and nothing else', async () => {
    expect(await run(['get', 'secret:db'])).toMatchObject({ code: 0, stdout: 'not-a-real-password', stderr: '' });
  });
});

describe('the command line of runner-secrets', () => {
  it.each([
    [[], 0, 'runner-secrets check'],
    [['--help'], 0, 'runner-secrets check'],
    [['chek'], 2, 'no command "chek"'],
    [['check'], 2, 'at least one reference'],
    [['get', 'a', 'b'], 2, 'exactly one reference'],
    [['get', '--json', 'a'], 2, 'no option --json'],
    [['exec', 'ls'], 2, 'put -- before the program'],
    [['exec', '--env', 'A=hunter2-not-real', '--', 'ls'], 2, 'wants a reference'],
    [['exec', '--'], 2, 'needs a program'],
  ])('answers %j with status %i', async (args, code, text) => {
    const result = await run(args);
    expect(result.code).toBe(code);
    expect(result.stdout + result.stderr).toContain(text);
    expect(result.stdout + result.stderr).not.toContain('hunter2');
  });
});
