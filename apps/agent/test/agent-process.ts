import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { changes, until } from './waiting.ts';

interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly [key: string]: unknown;
}

interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The real agent as a process of its own; killed with the test if it still lives. */
export interface AgentProcess extends AsyncDisposable {
  readonly pid: number;
  readonly lines: readonly LogLine[];
  /** Everything written, both streams. */
  readonly output: string;
  /** The first line with this message. */
  line(message: string | RegExp): Promise<LogLine>;
  kill(signal: NodeJS.Signals): void;
  readonly exit: Promise<Exit>;
}

const SOURCE = fileURLToPath(new URL('../src/main.ts', import.meta.url));

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly cwd?: string;
  /** Another program than the sources. */
  readonly main?: string;
}

/** Starts the agent with this environment and nothing else of ours. */
export function startAgent(options: StartOptions = {}): AgentProcess {
  const { env = {}, args = [], cwd, main } = options;
  const node =
    main === undefined ? ['--conditions=@runner/source', '--disable-warning=ExperimentalWarning', SOURCE] : [main];
  const child = spawn(process.execPath, [...node, ...args], {
    env: {
      PATH: process.env.PATH ?? '',
      LISTEN_ADDRESS: '127.0.0.1',
      HEALTH_PORT: '0',
      METRICS_SERVER_PORT: '0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  });
  const news = changes();
  const lines: LogLine[] = [];
  let output = '';
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts.filter((part) => part.startsWith('{')).map((part) => JSON.parse(part) as LogLine));
    news.changed();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  const exit = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const matches = (line: LogLine, message: string | RegExp): boolean =>
    typeof message === 'string' ? line.message === message : message.test(line.message);
  return {
    pid: child.pid ?? 0,
    lines,
    get output() {
      return output;
    },
    line: async (message) => {
      const found = until(`the line ${String(message)}`, news, () => lines.find((line) => matches(line, message)));
      const gone = exit.then(({ code, signal }) => {
        throw new Error(`the agent ended (${String(code ?? signal)}) before ${String(message)}:\n${output}`);
      });
      gone.catch(() => undefined);
      return Promise.race([found, gone]).catch((error: unknown) => {
        throw new Error(`${String(error)}\n${output}`);
      });
    },
    kill: (signal) => void child.kill(signal),
    exit,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await exit;
    },
  };
}
