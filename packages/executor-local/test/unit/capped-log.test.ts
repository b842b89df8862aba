import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogExtent } from '../../src/records.ts';
import type { LogSink } from '../../src/supervisor/capped-log.ts';
import { createCappedLog } from '../../src/supervisor/capped-log.ts';

/** A file in memory that fails once it is full, and takes at most `most` bytes at once. */
function memoryFile(room = Infinity, most = Infinity): LogSink & { content: Buffer; room: number } {
  const file = {
    content: Buffer.alloc(0),
    room,
    write: (bytes: Uint8Array): number => {
      const count = Math.min(bytes.length, most, file.room - file.content.length);
      if (count === 0) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
      file.content = Buffer.concat([file.content, bytes.subarray(0, count)]);
      return count;
    },
  };
  return file;
}

/** The raw output that a reader gets back; `undefined` for bytes that are missing. */
function readBack(content: Buffer, extent: LogExtent): (number | undefined)[] {
  const raw: (number | undefined)[] = Array.from({ length: extent.total }, () => undefined);
  for (let at = 0; at < extent.kept; at += 1) raw[at] = content[at];
  const { tail } = extent;
  if (tail !== undefined) {
    for (let at = tail.fromByte; at < extent.total; at += 1) raw[at] = content[tail.at + at - tail.fromByte];
  }
  return raw;
}

describe('the log of a run', () => {
  it('is the output, byte for byte, up to its limit', () => {
    const file = memoryFile(Infinity, 3);
    const log = createCappedLog(file, 10);
    log.take(Buffer.from('hello'));
    log.take(Buffer.from('world'));
    expect(log.finish()).toEqual({ kept: 10, total: 10 });
    expect(file.content.toString()).toBe('helloworld');
  });

  it('says visibly where it was cut, and ends with the last whole lines', () => {
    const file = memoryFile();
    const log = createCappedLog(file, 8, 20);
    for (let line = 0; line < 100; line += 1) log.take(Buffer.from(`line ${line}\n`));
    const extent = log.finish();
    const text = file.content.toString();
    expect(text.startsWith('line 0\nl\n[hybrid-ingestion-runner] The log reached its limit of 8 bytes.')).toBe(true);
    expect(text.endsWith(' bytes are missing here.\nline 98\nline 99\n')).toBe(true);
    expect(extent).toMatchObject({ kept: 8, total: 790, tail: { fromByte: 774 } });
  });

  it('leaves nothing out when the tail holds all that is beyond the limit', () => {
    const file = memoryFile();
    const log = createCappedLog(file, 4, 100);
    log.take(Buffer.from('one\ntwo\nthree'));
    const extent = log.finish();
    expect(extent.tail?.fromByte).toBe(4);
    expect(Buffer.from(readBack(file.content, extent) as number[]).toString()).toBe('one\ntwo\nthree');
  });

  it('goes on when the disk is full, and adds the end when there is room again', () => {
    const file = memoryFile(6);
    const log = createCappedLog(file, 1_000, 8);
    log.take(Buffer.from('0123456789'));
    log.take(Buffer.from('abc\ndef\nghi\n'));
    expect(file.content.toString()).toBe('012345');
    file.room = Infinity;
    const extent = log.finish();
    expect(extent).toMatchObject({ kept: 6, total: 22, failed: 'ENOSPC' });
    expect(file.content.subarray(extent.tail?.at).toString()).toBe('ghi\n');
  });

  it('has no end when the disk stays full, and says so', () => {
    const log = createCappedLog(memoryFile(3), 1_000, 8);
    log.take(Buffer.from('0123456789'));
    expect(log.finish()).toEqual({ kept: 3, total: 10, failed: 'ENOSPC' });
  });

  it('gives every byte it keeps back at its own offset, whatever the limit and the pieces', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 0, max: 400 }),
        (pieces, maxBytes, tailBytes, room) => {
          const file = memoryFile(room, 7);
          const log = createCappedLog(file, maxBytes, tailBytes);
          for (const piece of pieces) log.take(piece);
          const extent = log.finish();
          const output = Buffer.concat(pieces);
          expect(extent.total).toBe(output.length);
          expect(extent.kept).toBeLessThanOrEqual(maxBytes);
          for (const [at, byte] of readBack(file.content, extent).entries()) {
            if (byte !== undefined) expect(byte).toBe(output[at]);
          }
        },
      ),
    );
  });
});
