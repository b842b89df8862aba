import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { eventually } from './waiting.ts';

const REPOSITORY = new URL('../../../', import.meta.url);

/** One line of a log, parsed. */
export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly [key: string]: unknown;
}

/** One of the two programs, started from its sources. */
export interface Started {
  readonly pid: number;
  readonly lines: readonly LogLine[];
  /** Everything it has said. */
  output(): string;
  /** The first line whose message matches, as soon as it is there; fails when the program ends before. */
  line(message: RegExp): Promise<LogLine>;
  /** Exit code, or the signal that ended it; undefined while it runs. */
  end(): number | string | undefined;
  /** Sends the signal and waits for the end. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | string>;
  readonly ended: Promise<number | string>;
}

/** Starts a program with this environment, PATH, and nothing else of ours. */
export function startProgram(source: string, env: Readonly<Record<string, string>>): Started {
  const child = spawn(
    process.execPath,
    [
      '--conditions=@runner/source',
      '--disable-warning=ExperimentalWarning',
      fileURLToPath(new URL(source, REPOSITORY)),
    ],
    { env: { PATH: process.env['PATH'] ?? '', ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const lines: LogLine[] = [];
  let output = '';
  let rest = '';
  const take = (text: string): void => {
    output += text;
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts.filter((part) => part.startsWith('{')).map((part) => JSON.parse(part) as LogLine));
  };
  child.stdout.setEncoding('utf8').on('data', take);
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  let end: number | string | undefined;
  const ended = new Promise<number | string>((resolve) => {
    child.once('error', (error) => resolve((end = error.message)));
    child.once('close', (code, signal) => resolve((end = code ?? signal ?? -1)));
  });
  return {
    pid: child.pid ?? 0,
    lines,
    output: () => output,
    line: (message) =>
      eventually(`the line ${String(message)}`, () => {
        const found = lines.find((line) => message.test(line.message));
        if (found === undefined && end !== undefined) throw new Error(`it ended with ${end}:\n${output}`);
        return found;
      }),
    end: () => end,
    kill: (signal) => {
      if (end === undefined) child.kill(signal);
      return ended;
    },
    ended,
  };
}
