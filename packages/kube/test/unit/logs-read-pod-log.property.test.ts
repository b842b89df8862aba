import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kubeError } from '../../src/index.ts';
import type { createLogServer } from '../support/logs-server.ts';
import { createLogWorld } from '../support/logs-reading.ts';

type Server = ReturnType<typeof createLogServer>;
/** What happens next: bytes that are written, time that passes, or trouble. */
type Step = Uint8Array | number | ((server: Server) => void);

const byte = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 255 }) },
  { weight: 1, arbitrary: fc.constant(10) },
);
const output = fc.oneof(
  fc.array(byte, { maxLength: 60, size: 'max' }).map((bytes) => Uint8Array.from(bytes)),
  // Output that looks like what stands around it.
  fc.constantFrom('2026-01-01T00:00:00.000000000Z fake\n', '2026-01-01T00', '\n\n').map((text) => Buffer.from(text)),
);
const trouble = fc.constantFrom<(server: Server) => void>(
  (server) => server.cut(),
  (server) => server.truncate(),
  (server) => server.refuse(kubeError('kube_server_error', 'no')),
  (server) => server.spoil('rpc error: code = Unavailable'),
);
const rotation = fc.constant<(server: Server) => void>((server) => server.rotate());

const steps = (...troubles: fc.Arbitrary<(server: Server) => void>[]): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof<fc.MaybeWeightedArbitrary<Step>[]>(
      { weight: 4, arbitrary: output },
      { weight: 2, arbitrary: fc.integer({ min: 0, max: 20_000 }) },
      ...troubles.map((arbitrary) => ({ weight: 2, arbitrary: arbitrary })),
    ),
    { maxLength: 40, size: 'max' },
  );

/** Endless numbers from a list. */
const cycle = (numbers: readonly number[]): (() => number) => {
  let at = 0;
  return () => numbers[at++ % numbers.length] ?? 1;
};

interface World {
  readonly steps: readonly Step[];
  readonly chunks: readonly number[];
  /** Equal times, and times out of order. */
  readonly unordered: boolean;
  readonly fromByte: number;
}

async function played({ steps: played, chunks, unordered, fromByte }: World) {
  const { clock, server, read } = createLogWorld({
    chunk: cycle(chunks),
    ...(unordered
      ? { pieceBytes: 16, step: cycle([0, 0, 5_000]), dateBack: cycle([0, 0, 1_000, 0, 900_000_000]) }
      : {}),
  });
  const written: Uint8Array[] = [Buffer.from('begin\n')];
  written.forEach(server.write);
  let rotatedAt = 0;
  const reading = read({ fromByte });
  await clock.settle();
  for (const step of played) {
    if (typeof step === 'number') {
      await clock.advance(step);
    } else if (typeof step === 'function') {
      const before = Buffer.concat(written).length;
      step(server);
      if (step === rotate) rotatedAt = before;
    } else {
      server.write(step);
      written.push(step);
    }
    await clock.settle();
  }
  // A stream that only looked complete is told from an end by the time between them.
  await clock.advance(10_000);
  server.end();
  await clock.advance(300_000);
  await reading.done;
  expect([reading.outcome(), server.open(), clock.pendingTimers]).toEqual([null, 0, 0]);
  return { reading, all: Buffer.concat(written), rotatedAt };
}
const rotate = fc.sample(rotation, 1)[0];

const chunks = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 8 });

describe('readPodLog, whatever happens', () => {
  it('gives exactly the bytes of the container, however they come and whatever breaks, from any byte on', async () => {
    await fc.assert(
      fc.asyncProperty(steps(trouble), chunks, fc.integer({ min: 0, max: 80 }), async (list, sizes, fromByte) => {
        const { reading, all } = await played({
          steps: list,
          chunks: sizes,
          unordered: true,
          fromByte,
        });
        expect(reading.gaps()).toEqual([]);
        expect(reading.text()).toBe(all.subarray(fromByte).toString('latin1'));
      }),
      { numRuns: 200 },
    );
  });

  it('gives the bytes that were not rotated away, in order, none twice, with a gap wherever some are missing', async () => {
    await fc.assert(
      fc.asyncProperty(steps(trouble, rotation), chunks, async (list, sizes) => {
        const { reading, all, rotatedAt } = await played({ steps: list, chunks: sizes, unordered: false, fromByte: 0 });
        let at = 0;
        for (const [index, run] of reading.runs().entries()) {
          const found = all.indexOf(run, at);
          // Before the first gap nothing is missing.
          expect(found).toBeGreaterThanOrEqual(at);
          if (index === 0) expect(found).toBe(0);
          at = found + run.length;
        }
        const given = Buffer.concat(reading.runs());
        const kept = all.subarray(rotatedAt);
        expect(given.subarray(given.length - kept.length).toString('latin1')).toBe(kept.toString('latin1'));
      }),
      { numRuns: 200 },
    );
  });
});
