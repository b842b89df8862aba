import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '@runner/core/testing';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** The control plane as a process of its own, from its sources. */
export interface ControlPlaneProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  /** Everything it has said. */
  output(): string;
  /** Its address, once it is ready. Rejects when it ends before. */
  ready(): Promise<string>;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

export function startProcess(env: Record<string, string>): ControlPlaneProcess {
  const child = spawn(process.execPath, ['--conditions=@runner/source', MAIN], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (chunk: Buffer): void => void (output += chunk.toString());
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  let end: number | string | undefined;
  const ended = once(child, 'close').then(([code, signal]: (number | string | null)[]) => (end = code ?? signal ?? -1));
  return {
    child,
    output: () => output,
    ended,
    ready: () =>
      until(
        'the control plane is ready',
        async () => {
          if (end !== undefined) throw new Error(`it ended with ${end}: ${output}`);
          if (!output.includes('the control plane is ready')) return undefined;
          const address = JSON.parse(await readFile(join(env['DATA_DIR'] ?? '', 'address.json'), 'utf8')) as {
            url: string;
          };
          return address.url;
        },
        90_000,
      ),
    [Symbol.asyncDispose]: async () => {
      if (end === undefined) child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), 30_000);
      await ended;
      clearTimeout(late);
    },
  };
}
