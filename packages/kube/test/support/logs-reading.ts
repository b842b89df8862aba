import { Buffer } from 'node:buffer';
import { testClock, testRandom } from '@runner/core/testing';
import type { LogChunk, LogGap } from '@runner/executor';
import type { PodLogReadOptions } from '../../src/index.ts';
import { readPodLog } from '../../src/index.ts';
import type { LogServerOptions } from './logs-server.ts';
import { createLogServer } from './logs-server.ts';

/** What a reader gave: runs of bytes, and the gaps between them. Throws when offsets do not follow each other. */
export interface Reading {
  readonly pieces: readonly (LogChunk | LogGap)[];
  /** Bytes between gaps. */
  runs(): Buffer[];
  text(): string;
  gaps(): LogGap[];
  /** Undefined while it reads; the error it ended with, or null. */
  outcome(): unknown;
  readonly done: Promise<void>;
  stop(): Promise<void>;
}

export function createLogWorld(options: Omit<LogServerOptions, 'clock'> = {}) {
  const clock = testClock();
  const server = createLogServer({ ...options, clock });
  const read = (more: Partial<PodLogReadOptions> = {}): Reading => {
    const stop = new AbortController();
    const pieces: (LogChunk | LogGap)[] = [];
    let outcome: unknown;
    const stream = readPodLog({
      api: server.api,
      namespace: 'here',
      pod: 'pod',
      container: 'main',
      fromByte: 0,
      follow: true,
      ended: server.ended,
      clock,
      random: testRandom(3),
      signal: stop.signal,
      ...more,
    });
    const collect = async (): Promise<void> => {
      for await (const piece of stream) pieces.push(piece);
    };
    const done = collect().then(
      () => void (outcome = null),
      (error: unknown) => void (outcome = error),
    );
    return {
      pieces,
      runs: () => runsOf(pieces, more.fromByte ?? 0),
      text: () => Buffer.concat(runsOf(pieces, more.fromByte ?? 0)).toString('latin1'),
      gaps: () => pieces.filter((piece) => 'gap' in piece),
      outcome: () => outcome,
      done,
      stop: async () => {
        stop.abort();
        await done;
      },
    };
  };
  return { clock, server, read };
}

function runsOf(pieces: readonly (LogChunk | LogGap)[], fromByte: number): Buffer[] {
  const runs: Buffer[][] = [[]];
  let at = fromByte;
  for (const piece of pieces) {
    if (piece.fromByte !== at) throw new Error(`expected offset ${at}, not ${piece.fromByte}`);
    if ('gap' in piece) runs.push([]);
    else runs.at(-1)?.push(Buffer.from(piece.bytes));
    at = 'gap' in piece ? piece.toByte : at + piece.bytes.length;
  }
  return runs.map((run) => Buffer.concat(run));
}
