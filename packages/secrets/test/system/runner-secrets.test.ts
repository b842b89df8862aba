import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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

  it('says why a program whose config has grown too long does not start', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'runner-secrets-'));
    try {
      const file = join(folder, 'config.json');
      await writeFile(file, JSON.stringify({ password: 'secret:db', long: 'x'.repeat(131_072) }));
      const result = await run(['exec', '--config', file, '--', process.execPath, '-e', '']);
      expect(result.stderr).toContain('one of its variables is too long');
      expect(result.code).not.toBe(0);
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

  it('hands references on unresolved to a program that resolves them itself, and redacts their values all the same', async () => {
    const script = `
      const { password } = JSON.parse(process.env.config).connection;
      console.log('as it is:', password, process.env.DB);
      console.log('value:', process.env.RUNNER_SECRET_DB, process.env.RUNNER_SECRET_OTHER, Buffer.from(process.env.LATER).toString('hex'));
    `;
    const result = await run(
      ['exec', '--keep-references', '--redact', 'secret:other', '--', process.execPath, '-e', script],
      {
        ...SECRETS,
        DB: 'secret:db',
        LATER: 'also-not-a-real-one',
        RUNNER_SECRET_OTHER: 'also-not-a-real-one',
        config: JSON.stringify({ connection: { password: 'secret:db' } }),
      },
    );
    expect(result).toMatchObject({
      code: 0,
      stdout: 'as it is: secret:db secret:db\nvalue: [redacted] [redacted] [redacted]\n',
      stderr: '',
    });
  });

  it('says which references nobody can read, and starts a program that resolves them itself', async () => {
    const result = await run(
      [
        'exec',
        '--keep-references',
        '--redact',
        'secret:nosuch',
        '--',
        process.execPath,
        '-e',
        'console.log("started")',
      ],
      { ...SECRETS, config: '{"deep":{"password":"secret:alsomissing"}}' },
    );
    expect(result).toMatchObject({ code: 0, stdout: 'started\n' });
    expect(result.stderr).toContain('secret:nosuch: secret_not_found');
    expect(result.stderr).toContain('secret:alsomissing: secret_not_found');
  });

  it('asks no store when there is no reference', async () => {
    const result = await run(['exec', '--keep-references', '--', process.execPath, '-e', 'console.log("started")'], {});
    expect(result).toEqual({ code: 0, signal: null, stdout: 'started\n', stderr: '' });
  });

  it('redacts the token in the config, and every secret of the environment', async () => {
    const script = `console.log(JSON.stringify(process.env), Buffer.from(process.env.config).toString('base64'))`;
    const token = 'eyJub3QiOiJhIHJlYWwgdG9rZW4ifQ.eyJyZWFsbHkiOm5vdH0.signature-of-nobody';
    const config = JSON.stringify({ workflowConfig: { securityConfig: { jwtToken: token } } });
    const result = await run(['exec', '--keep-references', '--', process.execPath, '-e', script], {
      ...SECRETS,
      config,
    });
    expect(result.code).toBe(0);
    expect(result.stdout).toContain('RUNNER_SECRET_DB');
    expect(result.stdout).not.toContain('not-a-real-password');
    expect(result.stdout).not.toContain('signature-of-nobody');
    expect(result.stdout).not.toContain('c2lnbmF0dXJlLW9m');
  });

  it('redacts a value although the other output comes in between, where both lead to the same place', async () => {
    const script = `
      const write = (fd, text) => require('fs').writeSync(fd, text);
      for (const part of ['not-a-', 'real-', 'password']) { write(1, part); write(2, '.'); }`;
    const both = `${NODE.join(' ')} ${CLI} exec --supervised --redact secret:db -- ${process.execPath} -e "$SCRIPT" 2>&1`;
    const child = spawn('/bin/sh', ['-c', both], {
      env: { PATH: process.env['PATH'] ?? '', ...SECRETS, SCRIPT: script },
    });
    const { stdout } = await ended(child);
    expect(stdout.replaceAll('.', '')).toBe('[redacted]');
  });

  it('leaves signals to whoever sends them to the whole group when it is supervised', async () => {
    const script = `
      let count = 0;
      process.on('SIGTERM', () => { count += 1; setTimeout(() => { console.log('asked', count); process.exit(7); }, 200); });
      console.log('ready'); setInterval(() => undefined, 1000);`;
    const [program, ...rest] = NODE;
    const child = spawn(program, [...rest, CLI, 'exec', '--supervised', '--', process.execPath, '-e', script], {
      env: { PATH: process.env['PATH'] ?? '', ...SECRETS },
      detached: true,
    });
    child.stdout.once('data', () => process.kill(-(child.pid ?? 0), 'SIGTERM'));
    expect(await ended(child)).toMatchObject({ code: 7, stdout: 'ready\nasked 1\n' });
  });

  it.each([['--supervised'], []])('does not wait for what the program left behind (%s)', async (...flags) => {
    const left = `
      const { spawn } = require('node:child_process');
      const child = spawn(process.execPath, ['-e', 'setTimeout(() => undefined, 60000)'], { stdio: ['ignore', 'inherit', 'inherit', 3], detached: true });
      child.unref();
      console.log(child.pid);
    `;
    const result = await run(['exec', ...flags, '--', process.execPath, '-e', left]);
    expect(result.code).toBe(0);
    expect(process.kill(Number(result.stdout), 'SIGKILL')).toBe(true);
  });

  it('tells an abort of the program by a status, since its own memory holds values', async () => {
    // No core is to be left behind.
    const abort = 'ulimit -c 0; kill -ABRT $$';
    expect(await run(['exec', '--', '/bin/sh', '-c', abort])).toMatchObject({ code: 134, signal: null });
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

  it.each([[], ['--json']])('does not repeat what is no reference, as it may be a value (%s)', async (...flags) => {
    const result = await run(['check', ...flags, 'not-a-real-password', 'secret:a\nb']);
    expect(result.code).toBe(14);
    expect(result.stdout + result.stderr).not.toContain('not-a-real-password');
    expect(result.stdout).not.toContain('secret:a\nb');
    expect(result.stdout).toContain('the value is not a secret reference');
  });

  it('writes the answer to a file, also when the store cannot be opened', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'runner-secrets-'));
    try {
      const output = join(folder, 'answer');
      await writeFile(output, 'an older answer that is much longer than the new one will be'.repeat(100));
      const args = ['check', '--json', '--output', output, 'secret:db'];
      expect(await run(args)).toMatchObject({ code: 0, stdout: '', stderr: '' });
      expect(JSON.parse(await readFile(output, 'utf8'))).toMatchObject([{ reference: 'secret:db', ok: true }]);
      expect(await run(args, { SECRETS_MANAGER: 'db' })).toMatchObject({ code: 15, stdout: '' });
      expect(JSON.parse(await readFile(output, 'utf8'))).toMatchObject([
        { reference: 'secret:db', ok: false, error: { code: 'secret_misconfigured' } },
      ]);
    } finally {
      await rm(folder, { recursive: true });
    }
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
    [['exec', '--redact', 'hunter2-not-real', '--', 'ls'], 2, '--redact wants a reference'],
  ])('answers %j with status %i', async (args, code, text) => {
    const result = await run(args);
    expect(result.code).toBe(code);
    expect(result.stdout + result.stderr).toContain(text);
    expect(result.stdout + result.stderr).not.toContain('hunter2');
  });
});
