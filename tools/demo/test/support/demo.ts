import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { eventually } from './condition.ts';

type Main = 'main.ts' | 'cluster-main.ts';
const pathOf = (main: Main): string => fileURLToPath(new URL(`../../src/${main}`, import.meta.url));

export interface Demo extends AsyncDisposable {
  readonly output: () => string;
  readonly says: (text: string) => Promise<void>;
  readonly signal: (name: NodeJS.Signals) => void;
  readonly ended: Promise<number | NodeJS.Signals>;
}

/** What `npm start` runs, with a folder of its own. */
export function startDemo(folder: string, ...words: readonly string[]): Demo {
  return start('main.ts', folder, words);
}

/** What `npm run demo:cluster` runs. */
export function startClusterDemo(folder: string, ...words: readonly string[]): Demo {
  return start('cluster-main.ts', folder, words);
}

function start(main: Main, folder: string, words: readonly string[]): Demo {
  const child = spawn(
    process.execPath,
    ['--conditions=@runner/source', '--disable-warning=ExperimentalWarning', pathOf(main), ...words],
    { env: { ...process.env, DEMO_DIR: folder }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
    });
  }
  const ended = once(child, 'exit').then(([code, name]) => (code ?? name) as number | NodeJS.Signals);
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    output: () => output,
    says: async (text) => {
      await eventually(`the demo says "${text}"`, () => output.includes(text) || !isRunning(), 100_000);
      if (!output.includes(text)) throw new Error(`the demo ended before it said "${text}":\n${output}`);
    },
    signal: (name) => child.kill(name),
    ended,
    [Symbol.asyncDispose]: async () => {
      if (isRunning()) child.kill('SIGTERM');
      await ended;
    },
  };
}
