import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WireObservation } from '@runner/protocol';
import { LIMITS, encodeAgentMessage } from '@runner/protocol';
import { sampleDiagnosis, sampleEnded, sampleRunId, sampleUnknown } from '@runner/protocol/testing';
import { fitObservation, fitText, pages } from '../../src/fit.ts';

const frameBytes = (observation: WireObservation): number =>
  encodeAgentMessage({ type: 'observed', epoch: 1, observation }).bytes;

describe('making an observation fit', () => {
  it('leaves alone what fits', () => {
    const observation = sampleEnded({ diagnosis: sampleDiagnosis() });
    expect(fitObservation(observation)).toEqual(observation);
  });

  it('fits whatever texts an executor puts into it, and keeps the end of the log', () => {
    const nasty = fc
      .tuple(fc.constantFrom('x', '\u0000', '€', '😀', '"', '\\'), fc.integer({ min: 0, max: 300_000 }))
      .map(([unit, length]) => unit.repeat(length));
    fc.assert(
      fc.property(nasty, nasty, nasty, nasty, (logTail, message, hint, reason) => {
        const diagnosis = sampleDiagnosis({ message, hint });
        const outcome = { result: 'failed' as const, diagnosis, logTail: `${logTail}the last line` };
        const fitted = fitObservation(sampleEnded({ diagnosis, outcome }));
        expect(frameBytes(fitted)).toBeLessThanOrEqual(LIMITS.frameBytes);
        if (fitted.presence !== 'present') throw new Error('another form');
        const tail = fitted.outcome?.logTail ?? '';
        expect(tail.endsWith('the last line')).toBe(true);
        if (tail.length < outcome.logTail.length) expect(tail.startsWith('[earlier output cut]\n')).toBe(true);
        expect(frameBytes(fitObservation({ ...sampleUnknown(), reason } as WireObservation))).toBeLessThan(200_000);
      }),
      { numRuns: 100 },
    );
  });

  it('says that a sentence was cut', () => {
    expect(fitText('x'.repeat(20), 10)).toBe('xxx… [cut]');
    expect(fitText('short', 10)).toBe('short');
  });
});

describe('cutting into pages', () => {
  it('keeps order, misses nothing, and keeps each page within count and bytes', () => {
    const item = fc.integer({ min: 0, max: 200_000 }).map((length) => 'x'.repeat(length));
    fc.assert(
      fc.property(fc.array(item, { maxLength: 60 }), (items) => {
        const cut = pages(items);
        expect(cut.flat()).toEqual(items);
        for (const page of cut) {
          expect(page.length).toBeGreaterThan(0);
          expect(JSON.stringify(page).length).toBeLessThanOrEqual(900_002);
        }
      }),
      { numRuns: 100 },
    );
    expect(pages(Array.from({ length: 1_201 }, (_, n) => sampleRunId(n))).map((page) => page.length)).toEqual([
      500, 500, 201,
    ]);
    expect(pages([])).toEqual([]);
  });
});
