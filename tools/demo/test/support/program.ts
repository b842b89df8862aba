import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const QUICKSTART = fileURLToPath(new URL('../../../../examples/quickstart/src/main.ts', import.meta.url));

export interface Program {
  readonly output: () => string;
  /** Resolves as soon as the output holds the text. */
  readonly says: (text: string) => Promise<void>;
  readonly ended: Promise<number | null>;
  readonly kill: (signal: NodeJS.Signals) => void;
}

/** The quickstart as a process of its own, with this environment and no other. */
export function startQuickstart(env: Readonly<Record<string, string>>): Program {
  const child = spawn(
    process.execPath,
    ['--conditions=@runner/source', '--disable-warning=ExperimentalWarning', QUICKSTART],
    {
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
      for (const listener of listeners) listener();
    });
  }
  return {
    output: () => output,
    says: (text) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!output.includes(text)) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
      }),
    ended: once(child, 'close').then(([code]) => code as number | null),
    kill: (signal) => child.kill(signal),
  };
}
