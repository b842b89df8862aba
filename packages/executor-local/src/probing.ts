import { execFile } from 'node:child_process';
import { abortError } from '@runner/core';
import type { Probe, ProbeEnd } from '@runner/executor';
import { MAX_PROBE_MESSAGE, secretsManagerEnvironment } from '@runner/executor';
import { DEFAULT_ALLOWED, programEnvironment } from './environment.ts';
import type { LocalExecutorOptions } from './options.ts';
import { errorCode } from './write-once.ts';

const MEBIBYTE = 1_048_576;

/** Runs a probe as a process with the environment of programs, but for what belongs to a run. */
export function runProbe(
  { command: [program, ...args], timeoutMs }: Probe,
  options: LocalExecutorOptions & { readonly workingDirectory: string },
  signal: AbortSignal,
): Promise<ProbeEnd> {
  const { secretsManager, hostEnvironment: host = {}, allowedEnvironment: allowed = DEFAULT_ALLOWED } = options;
  const secrets =
    secretsManager === undefined ? [] : secretsManagerEnvironment({ inCluster: false, ...secretsManager });
  const env = programEnvironment({
    host,
    allowed,
    contract: [...secrets, ...(options.extraEnvironment ?? [])],
    ...(secretsManager === undefined ? {} : { provider: secretsManager.provider }),
  });
  const settings = { env, cwd: options.workingDirectory, timeout: timeoutMs, maxBuffer: MEBIBYTE, signal } as const;
  return new Promise((resolve, reject) => {
    execFile(program, args, { ...settings, killSignal: 'SIGKILL' }, (error, stdout) => {
      const message = Buffer.from(stdout).subarray(0, MAX_PROBE_MESSAGE).toString();
      if (signal.aborted) reject(abortError(signal));
      else if (error === null) resolve({ message, exitCode: 0 });
      else if (typeof error.code === 'number') resolve({ message, exitCode: error.code });
      else resolve({ message, trouble: troubleOf(error, program, timeoutMs) });
    });
  });
}

function troubleOf(
  error: Error & { readonly killed?: boolean | undefined },
  program: string,
  timeoutMs: number,
): string {
  if (error.killed === true) return `It did not end within ${timeoutMs} ms.`;
  return `The program ${program} could not be run to its end (${errorCode(error) || error.name}).`;
}
