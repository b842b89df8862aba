import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Ran {
  readonly ok: boolean;
  readonly stdout: string;
}

/** Runs a program silently; one that is not there, or that fails, is not ok. */
export async function tried(program: string, words: readonly string[]): Promise<Ran> {
  return await run(program, words, { maxBuffer: 64 * 1024 * 1024 }).then(
    ({ stdout }) => ({ ok: true, stdout }),
    () => ({ ok: false, stdout: '' }),
  );
}

/** Output of a program. @throws with what it said when it fails */
export async function outputOf(program: string, words: readonly string[]): Promise<string> {
  const { stdout } = await run(program, words, { maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/** Runs a program in this folder whose words go where ours go. @throws when it does not end with 0 */
export async function shown(program: string, words: readonly string[], cwd: string): Promise<void> {
  const child = spawn(program, words, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${program} ${words[0] ?? ''} ended with ${code ?? signal ?? 'nothing'}`));
    });
  });
}
