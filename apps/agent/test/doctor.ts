import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runDoctor } from '../src/doctor/command.ts';
import type { Level, Result } from '../src/doctor/check.ts';
import type { Report } from '../src/doctor/report.ts';
import { temporaryFolder } from './folder.ts';
import { testToken } from './tokens.ts';

/** What one run of doctor gave. */
export interface Answered {
  readonly code: number;
  readonly report: Report;
  /** Standard output and error. */
  readonly output: string;
  /** Everything one check found. */
  readonly of: (check: string) => readonly Result[];
  /** Level and reasons of one check: `fail tls_name`. */
  readonly said: (check: string) => string;
}

/** Runs the command as the process would, with exactly this environment. */
export async function runOf(
  env: Readonly<Record<string, string>>,
  argv: readonly string[],
): Promise<{ readonly code: number; readonly output: string; readonly errors: string }> {
  let output = '';
  let errors = '';
  const host = {
    env,
    stdout: { write: (text: string) => (output += text) },
    stderr: { write: (text: string) => (errors += text) },
    cwd: () => '/',
    on: () => undefined,
  };
  const code = await runDoctor(host, argv);
  return { code, output, errors };
}

export async function doctor(env: Readonly<Record<string, string>>, argv: readonly string[] = []): Promise<Answered> {
  const { code, output, errors } = await runOf(env, ['--json', ...argv]);
  const report = JSON.parse(output) as Report;
  const of = (check: string): readonly Result[] => {
    const found = report.checks.find(({ id }) => id === check);
    if (found === undefined) throw new Error(`there is no check ${check}: ${output}`);
    return found.results;
  };
  const said = (check: string): string =>
    of(check)
      .map(({ level, reason }: { readonly level: Level; readonly reason: string }) => `${level} ${reason}`)
      .join(', ');
  return { code, report, output: output + errors, of, said };
}

/** The least a runner with local workloads needs, and a folder that is gone with its test. */
export function localEnvironment(url: string): Disposable & {
  readonly env: Readonly<Record<string, string>>;
  file(name: string, text: string): string;
} {
  const folder = temporaryFolder();
  return {
    env: {
      AUTH_TOKEN: testToken({ sub: 'bot' }),
      SERVER_URL: url.replace(/^http/, 'ws'),
      EXECUTOR_TYPE: 'local',
      LOCAL_EXECUTOR_DIR: folder.path,
      METRICS_SERVER_PORT: '0',
    },
    file: (name, text) => {
      const path = join(folder.path, name);
      writeFileSync(path, text, { mode: 0o600 });
      return path;
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}
