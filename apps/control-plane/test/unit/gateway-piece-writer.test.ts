import { testClock } from '@runner/core/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PieceWriter } from '../../src/gateway/piece-writer.ts';
import type { LogPiece as StoredPiece } from '../../src/store/ports.ts';

const chunk = (rawFrom: number, data: string) =>
  ({ kind: 'chunk', rawFrom, rawTo: rawFrom + Buffer.byteLength(data), data, continued: false }) as const;

function writing(from = 0) {
  const clock = testClock();
  const written: StoredPiece[] = [];
  const gates: (() => void)[] = [];
  const state = { blocked: false, failing: false };
  const writer = new PieceWriter({
    from,
    clock,
    append: async (piece) => {
      if (state.failing) throw new Error('the store is away');
      if (state.blocked) await new Promise<void>((resolve) => gates.push(resolve));
      written.push(piece);
    },
  });
  return { clock, written, state, writer, open: () => gates.splice(0).forEach((gate) => gate()) };
}

describe('the writer of log pieces', () => {
  test('stores the first line at once and what follows soon after, together', async () => {
    const { writer, written, clock } = writing();
    await writer.add(chunk(0, 'one\n'));
    await clock.settle();
    expect(written).toEqual([{ rawFrom: 0, rawTo: 4, text: 'one\n' }]);
    await writer.add(chunk(4, 'two\n'));
    await writer.add(chunk(8, 'three\n'));
    await clock.settle();
    expect(written).toHaveLength(1);
    await clock.advance(200);
    expect(written[1]).toEqual({ rawFrom: 4, rawTo: 14, text: 'two\nthree\n' });
    await clock.advance(10_000);
    expect(written).toHaveLength(2);
    expect(clock.pendingTimers).toBe(0);
  });

  test('writes a flood without waiting, and holds the reader up while a write is slow', async () => {
    const { writer, written, clock, state, open } = writing();
    state.blocked = true;
    const block = 'x'.repeat(65_536);
    let taken = 0;
    const reader = (async () => {
      for (let n = 0; n < 40; n += 1) {
        await writer.add(chunk(n * block.length, block));
        taken += 1;
      }
    })();
    await clock.settle();
    expect(taken).toBeLessThan(20);
    for (let n = 0; n < 40; n += 1) {
      open();
      await clock.settle();
    }
    await reader;
    state.blocked = false;
    open();
    await writer.flush();
    expect(written.reduce((sum, piece) => sum + piece.text.length, 0)).toBe(40 * block.length);
  });

  test('drops what is stored already and leaves a piece that straddles the end alone', async () => {
    const { writer, written } = writing(10);
    await writer.add(chunk(0, 'aaaaa'));
    await writer.add(chunk(5, 'bbbbbbbb'));
    await writer.add(chunk(13, 'cc'));
    await writer.flush();
    expect(written).toEqual([
      { rawFrom: 5, rawTo: 13, text: 'bbbbbbbb' },
      { rawFrom: 13, rawTo: 15, text: 'cc' },
    ]);
  });

  test('marks a gap', async () => {
    const { writer, written } = writing();
    await writer.add(chunk(0, 'a\n'));
    await writer.add({ kind: 'gap', rawFrom: 2, rawTo: 50 });
    await writer.add(chunk(50, 'b\n'));
    await writer.flush();
    expect(written.map((piece) => piece.text).join('')).toBe('a\n\n[bytes 2 to 50 of this log could not be read]\nb\n');
    expect(written.at(-1)?.rawTo).toBe(52);
  });

  test('gives the failure of a write to the reader and writes no more', async () => {
    const { writer, written, state, clock } = writing();
    state.failing = true;
    await writer.add(chunk(0, 'a\n'));
    await clock.settle();
    await expect(writer.add(chunk(2, 'b\n'))).rejects.toThrow('the store is away');
    state.failing = false;
    await expect(writer.flush()).rejects.toThrow('the store is away');
    expect(written).toEqual([]);
  });

  test('neither loses nor repeats a byte, however pieces and time come', async () => {
    const steps = fc.array(fc.oneof(fc.string({ minLength: 1, maxLength: 9 }), fc.nat({ max: 400 })), {
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const { writer, written, clock } = writing();
        let raw = 0;
        for (const step of script) {
          if (typeof step === 'number') await clock.advance(step);
          else {
            const piece = chunk(raw, step);
            raw = piece.rawTo;
            await writer.add(piece);
          }
        }
        await writer.flush();
        expect(written.map((piece) => piece.text).join('')).toBe(script.filter((s) => typeof s === 'string').join(''));
        let end = 0;
        for (const piece of written) {
          expect(piece.rawFrom).toBe(end);
          end = piece.rawTo!;
        }
      }),
      { numRuns: 200 },
    );
  });
});
