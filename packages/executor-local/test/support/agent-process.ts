import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { LocalSubject } from './local-subject.ts';

export interface AgentProcess extends AsyncDisposable {
  readonly submitted: Promise<void>;
  /** SIGKILL, then gone. */
  kill(): Promise<void>;
}

/** An agent in a process of its own, with a token in its environment, that submits one run. */
export function startAgent(subject: LocalSubject, runId: string): AgentProcess {
  const entry = fileURLToPath(new URL('./agent.ts', import.meta.url));
  const args = ['--conditions=@runner/source', '--no-warnings', entry];
  const child: ChildProcess = spawn(
    process.execPath,
    [...args, subject.folder, String(subject.control.port), runId, ...subject.control.command],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, AUTH_TOKEN: 'not-a-real-token' } },
  );
  const exited = once(child, 'exit');
  const submitted = once(child.stdout!, 'data').then(() => undefined);
  submitted.catch(() => undefined);
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  return { submitted, kill, [Symbol.asyncDispose]: kill };
}
