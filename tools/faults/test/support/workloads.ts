import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '../../src/waiting.ts';

export interface Order {
  readonly print?: { readonly base64: string; readonly times: number };
  /** Ends the program with this code. */
  readonly exit?: number;
}

/** Power over the programs of the runs. */
export interface Workloads {
  /** INGESTION_COMMAND of the agents. */
  readonly command: readonly string[];
  /** Pids of all executions of this run so far. */
  executions(runId: string): readonly number[];
  /** Resolves with the pid as soon as the program runs. */
  running(runId: string): Promise<number>;
  print(runId: string, bytes: Uint8Array, times?: number): Promise<void>;
  /** Tells the program to end; it need not have begun. */
  exit(runId: string, code: number): Promise<void>;
  /** Lets every program end. */
  close(): Promise<void>;
}

export async function createWorkloads(folder: string): Promise<Workloads> {
  await mkdir(folder, { recursive: true });
  const given = new Map<string, number>();
  const order = async (runId: string, what: Order): Promise<string> => {
    const number = (given.get(runId) ?? 0) + 1;
    given.set(runId, number);
    const path = join(folder, `${runId}.${number}`);
    await writeFile(`${path}.new`, JSON.stringify(what));
    await rename(`${path}.new`, `${path}.json`);
    return path;
  };
  const executions = (runId: string): readonly number[] => {
    const file = join(folder, `${runId}.executions`);
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').map(Number) : [];
  };
  return {
    command: [process.execPath, '--no-warnings', fileURLToPath(new URL('program.ts', import.meta.url)), folder],
    executions,
    running: (runId) => eventually(`the program of ${runId} runs`, () => executions(runId)[0]),
    print: async (runId, bytes, times = 1) => {
      const path = await order(runId, { print: { base64: Buffer.from(bytes).toString('base64'), times } });
      await eventually(`${runId} has printed`, () => existsSync(`${path}.done`), 60_000);
    },
    exit: async (runId, code) => {
      await order(runId, { exit: code });
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
