import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A program that connected. */
interface ControlledProgram {
  readonly pid: number;
  print(bytes: Uint8Array): Promise<void>;
  resist(): Promise<void>;
  spawn(): Promise<number>;
  environment(): Promise<Record<string, string>>;
  exit(code: number): void;
}

/** Power over the programs of a test. */
export interface Control extends AsyncDisposable {
  /** For the executor: the command, and the variable by which the program finds its way here. */
  readonly command: readonly string[];
  readonly port: number;
  executions(runId: string): number;
  /** The program of a run, as soon as it is there. */
  program(runId: string): Promise<ControlledProgram>;
}

export async function openControl(): Promise<Control> {
  const programs = new Map<string, ControlledProgram>();
  const executed = new Map<string, number>();
  const waiting = new Map<string, ((program: ControlledProgram) => void)[]>();
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    // Killed programs break their connections; that is what tests do to them.
    socket.on('error', () => undefined);
    const answers: ((value: unknown) => void)[] = [];
    const ask = (command: object): Promise<unknown> => {
      socket.write(`${JSON.stringify(command)}\n`);
      return new Promise((resolve) => answers.push(resolve));
    };
    createInterface({ input: socket }).on('line', (line) => {
      const said = JSON.parse(line) as { runId?: string; pid: number };
      if (said.runId === undefined) {
        answers.shift()?.(said);
        return;
      }
      const program: ControlledProgram = {
        pid: said.pid,
        print: async (bytes) => {
          await ask({ print: Buffer.from(bytes).toString('base64') });
        },
        resist: async () => {
          await ask({ resist: true });
        },
        spawn: async () => ((await ask({ spawn: true })) as { pid: number }).pid,
        environment: async () =>
          ((await ask({ environment: true })) as { environment: Record<string, string> }).environment,
        exit: (code) => void socket.write(`${JSON.stringify({ exit: code })}\n`),
      };
      programs.set(said.runId, program);
      executed.set(said.runId, (executed.get(said.runId) ?? 0) + 1);
      for (const resolve of waiting.get(said.runId)?.splice(0) ?? []) resolve(program);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    command: [process.execPath, '--no-warnings', fileURLToPath(new URL('./program.ts', import.meta.url))],
    port,
    executions: (runId) => executed.get(runId) ?? 0,
    program: async (runId) => {
      const there = programs.get(runId);
      if (there !== undefined) return there;
      return await new Promise((resolve) => waiting.set(runId, [...(waiting.get(runId) ?? []), resolve]));
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
