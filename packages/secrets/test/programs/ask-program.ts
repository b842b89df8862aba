import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Asked {
  readonly value?: string;
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly hint?: string;
    readonly details?: unknown;
  };
  readonly identity?: string;
  readonly milliseconds: number;
  /** Everything the program wrote beside its outcome. */
  readonly noise: string;
}

export interface Asking {
  readonly id?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly options?: object;
  /** Arguments for Node itself. */
  readonly node?: readonly string[];
}

/** Runs `ask.ts` with this environment and no other, and fails when it does not end well. */
export async function ask(
  name: string,
  { id = 'db-password', env = {}, options = {}, node = [] }: Asking,
): Promise<Asked> {
  const began = performance.now();
  const { stdout, stderr } = await run(
    process.execPath,
    [
      '--conditions=@runner/source',
      '--disable-warning=ExperimentalWarning',
      ...node,
      'ask.ts',
      name,
      id,
      JSON.stringify(options),
    ],
    { cwd: import.meta.dirname, env: { HOME: '/nonexistent', PATH: '/nonexistent', ...env }, timeout: 60_000 },
  );
  const lines = stdout.trimEnd().split('\n');
  const outcome = JSON.parse(lines.pop() ?? '') as Omit<Asked, 'milliseconds' | 'noise'>;
  return { ...outcome, milliseconds: performance.now() - began, noise: lines.join('\n') + stderr };
}
