import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import type { Announcement, Answer, FetchInit, Order } from './orders.ts';
import { CONTROL_VARIABLE } from './orders.ts';

/**
 * How long tests wait by default (ms). Two cores may carry a cluster, three files and whatever else runs there; a wait that
 * is met costs nothing.
 */
export const LONG_MS = 180_000;

/** A program in a pod that connected. */
export interface ControlledProgram {
  readonly argv: readonly string[];
  /** Name of its pod. */
  readonly hostname: string;
  print(text: string | Uint8Array, times?: number): Promise<void>;
  /** From now on it ignores SIGTERM, as the first process of the real image does; false: it heeds it again. */
  resist(resist?: boolean): Promise<void>;
  environment(): Promise<Readonly<Record<string, string>>>;
  /** Takes this much memory at once; nobody answers when that is its end. */
  allocate(mebibytes: number): void;
  fetch(url: string, init?: FetchInit): Promise<{ readonly status: number; readonly text: string }>;
  /** Becomes the quickstart. */
  ingest(): void;
  exit(code: number): void;
  /** Resolves when its connection is gone: it has ended, or its pod was cut off. */
  readonly gone: Promise<void>;
}

/** Power over the programs in the pods of a test. */
export interface ControlServer extends AsyncDisposable {
  /** For the extra environment of the workloads: name and value of the variable by which programs find their way here. */
  readonly variable: { readonly name: string; readonly value: string };
  /** How often a program was started for this run. */
  executions(run: string): number;
  /** Runs whose program has connected at least once. */
  runs(): readonly string[];
  /** The newest program of a run, as soon as it is there. @param withinMs default 180,000 */
  program(run: string, withinMs?: number): Promise<ControlledProgram>;
}

export interface ControlServerOptions {
  /** Address of this machine as pods reach it, see `hostForPods`. */
  readonly host: string;
  /** What is known of a run whose program does not come, for the message. */
  readonly explain?: (run: string) => Promise<string>;
}

/** Listens on a free port until it is disposed; programs whose control is gone end with exit code 99. */
export async function controlServer({ host, explain }: ControlServerOptions): Promise<ControlServer> {
  const programs = new Map<string, ControlledProgram>();
  const executed = new Map<string, Set<string>>();
  const waiting = new Map<string, ((program: ControlledProgram) => void)[]>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    welcome(socket, (announced, program) => {
      programs.set(announced.run, program);
      const known = executed.get(announced.run) ?? new Set();
      executed.set(announced.run, known.add(`${announced.hostname} ${announced.execution}`));
      for (const resolve of waiting.get(announced.run)?.splice(0) ?? []) resolve(program);
    });
  });
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    variable: { name: CONTROL_VARIABLE, value: `${host}:${port}` },
    executions: (run) => executed.get(run)?.size ?? 0,
    runs: () => [...executed.keys()],
    program: async (run, withinMs = LONG_MS) => {
      const there = programs.get(run);
      if (there !== undefined) return there;
      return await new Promise<ControlledProgram>((resolve, reject) => {
        const message = `no program of ${run} came within ${withinMs} ms`;
        const fail = async (): Promise<void> => {
          const known = await explain?.(run).catch(String);
          reject(new Error(known === undefined ? message : `${message}; ${known}`));
        };
        const timer = setTimeout(() => void fail(), withinMs);
        const come = (program: ControlledProgram): void => {
          clearTimeout(timer);
          resolve(program);
        };
        waiting.set(run, [...(waiting.get(run) ?? []), come]);
      });
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Reads the announcement of a program, then the answers to its orders. */
function welcome(socket: Socket, announce: (announced: Announcement, program: ControlledProgram) => void): void {
  const answers = new Map<number, (value: unknown) => void>();
  let orders = 0;
  let announced = false;
  // The network of a killed pod may be torn down before it could say goodbye; ten unanswered probes a second apart end that.
  socket.setKeepAlive(true, 5_000);
  // Killed pods break their connections; that is what tests do to them.
  socket.on('error', () => undefined);
  const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const tell = (order: Order): Promise<unknown> => {
    const number = (orders += 1);
    socket.write(`${JSON.stringify({ ...order, number })}\n`);
    const broken = gone.then(() => Promise.reject(new Error(`the program was gone before it answered ${order.order}`)));
    return Promise.race([new Promise((resolve) => answers.set(number, resolve)), broken]);
  };
  const lines = createInterface({ input: socket });
  // It tells the errors of its input once more.
  lines.on('error', () => undefined);
  lines.on('line', (line) => {
    const said = parsed(line);
    if (said === undefined) socket.destroy();
    else if (!announced && 'run' in said) {
      announced = true;
      announce(said, programOf(said, tell, gone));
    } else if ('number' in said) {
      answers.get(said.number)?.(said.value);
      answers.delete(said.number);
    }
  });
}

/** Anybody on the pod network may connect. */
function parsed(line: string): Announcement | Answer | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Announcement | Answer) : undefined;
  } catch {
    return undefined;
  }
}

function programOf(
  { argv, hostname }: Announcement,
  tell: (order: Order) => Promise<unknown>,
  gone: Promise<void>,
): ControlledProgram {
  // Orders that end the program have no answer.
  const last = (order: Order): void => void tell(order).catch(() => undefined);
  return {
    argv,
    hostname,
    gone,
    print: async (text, times = 1) => {
      await tell({ order: 'print', base64: Buffer.from(text).toString('base64'), times });
    },
    resist: async (resist = true) => {
      await tell({ order: 'resist', resist });
    },
    environment: async () => (await tell({ order: 'environment' })) as Record<string, string>,
    allocate: (mebibytes) => last({ order: 'allocate', mebibytes }),
    fetch: async (url, init) =>
      (await tell({ order: 'fetch', url, ...(init === undefined ? {} : { init }) })) as {
        status: number;
        text: string;
      },
    ingest: () => last({ order: 'ingest' }),
    exit: (code) => last({ order: 'exit', code }),
  };
}
