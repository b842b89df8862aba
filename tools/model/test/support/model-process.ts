import { execFile } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const SOURCES = new URL('../../src/', import.meta.url);

export interface Answer {
  readonly code: number | null;
  readonly lines: readonly string[];
  /** What went wrong with the process itself, if anything did. */
  readonly complaints: string;
}

/** Plays histories in a process of its own, with the code as it is or with one mutant of it. */
export function playInProcess(histories: number, seed: number, mutant?: string): Promise<Answer> {
  const changed = mutant === undefined ? [] : ['--import', new URL('mutate.ts', SOURCES).href];
  const args = ['--conditions=@runner/source', ...changed, fileURLToPath(new URL('main.ts', SOURCES))];
  const env = { ...process.env, NODE_OPTIONS: '', ...(mutant === undefined ? {} : { MODEL_MUTANT: mutant }) };
  return new Promise((resolve) => {
    const options = { env, timeout: 250_000, maxBuffer: 16_777_216 };
    execFile(process.execPath, [...args, String(histories), String(seed)], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      resolve({ code, lines: stdout.trim().split('\n'), complaints: stderr.trim() });
    });
  });
}

/** Lets work be done by as many as `width` at once, in order of the list. */
export async function eachOf<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const lane = async (): Promise<void> => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: width }, lane));
}
