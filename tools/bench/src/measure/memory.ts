import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { RunnerError } from '@runner/core';

const KIB = 1_024;

/** Bytes of a process that are in memory, as the operating system counts them. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => undefined);
  // Not Linux: ask ps.
  const text = status ?? (await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)])).stdout;
  const kib = /(?:VmRSS:\s*|^\s*)(\d+)/.exec(text)?.[1];
  if (kib === undefined) throw new RunnerError('bench_memory', `the memory of process ${pid} cannot be read`);
  return Number(kib) * KIB;
}

export interface OwnMemory {
  readonly rss: number;
  readonly heapUsed: number;
}

const COLLECTIONS = 4;

/** Memory of this process once everything that can be collected is; needs --expose-gc. */
export async function collectedMemory(): Promise<OwnMemory> {
  if (globalThis.gc === undefined) throw new RunnerError('bench_memory', 'node was started without --expose-gc');
  for (let round = 0; round < COLLECTIONS; round += 1) {
    globalThis.gc();
    // Finalisers and freed pages follow in turns of their own.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { rss, heapUsed } = process.memoryUsage();
  return { rss, heapUsed };
}
