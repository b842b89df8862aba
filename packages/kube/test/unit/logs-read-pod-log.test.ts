import { Buffer } from 'node:buffer';
import { isRunnerError } from '@runner/core';
import { recordingLogger } from '@runner/core/testing';
import { describe, expect, it } from 'vitest';
import type { KubeApi } from '../../src/index.ts';
import { kubeError } from '../../src/index.ts';
import { createLogWorld } from '../support/logs-reading.ts';

type LogServer = ReturnType<typeof createLogWorld>['server'];

const down = () => kubeError('kube_unreachable', 'connection refused');

describe('readPodLog', () => {
  it('follows an output over one request until its container has ended', async () => {
    const { clock, server, read } = createLogWorld();
    server.start();
    const reading = read();
    server.write('one\ntwo\n');
    await clock.settle();
    expect(reading.text()).toBe('one\ntwo\n');
    await clock.advance(20_000);
    server.write('three\n');
    server.end();
    await clock.advance(1_000);
    expect(reading.text()).toBe('one\ntwo\nthree\n');
    expect(reading.outcome()).toBeNull();
    expect(server.asked).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
  });

  it('looks once more when a container has ended and nothing at all came, as on a node that is busy', async () => {
    const { clock, server, read } = createLogWorld();
    server.start();
    const reading = read();
    await clock.settle();
    server.end();
    await clock.advance(20_000);
    expect(reading.text()).toBe('');
    expect(reading.outcome()).toBeNull();
    expect(server.asked).toHaveLength(2);
  });

  it('gives zero bytes, broken UTF-8, empty lines and a last line without an end as they are', async () => {
    const { clock, server, read } = createLogWorld();
    const output = Buffer.concat([
      Buffer.from('ä€\n\n\r\n'),
      Buffer.from([0, 255, 254, 10, 0x80, 10]),
      Buffer.from('end'),
    ]);
    server.write(output);
    server.end();
    for (const follow of [true, false]) {
      const reading = read({ follow });
      await clock.advance(20_000);
      expect(Buffer.concat(reading.runs()).equals(output)).toBe(true);
      expect(reading.outcome()).toBeNull();
    }
  });

  it('begins at any byte', async () => {
    const { clock, server, read } = createLogWorld();
    const output = 'one\ntwo\nthree\n';
    server.write(output);
    server.end();
    for (let fromByte = 0; fromByte <= output.length + 3; fromByte += 1) {
      const reading = read({ fromByte, follow: fromByte % 2 === 0 });
      await clock.advance(20_000);
      expect(reading.text()).toBe(output.slice(fromByte));
      expect(reading.outcome()).toBeNull();
    }
  });

  it('waits for bytes beyond the end', async () => {
    const { clock, server, read } = createLogWorld();
    server.write('one\n');
    const reading = read({ fromByte: 6 });
    await clock.settle();
    server.write('two\nthree\n');
    await clock.settle();
    expect(reading.text()).toBe('o\nthree\n');
    await reading.stop();
  });

  it('goes on after a cut, within a line too, asking only for the end of the log', async () => {
    const { clock, server, read } = createLogWorld({ pieceBytes: 10 });
    const reading = read();
    server.write('first\n');
    await clock.advance(60_000);
    server.write('a line of several pieces');
    await clock.settle();
    server.cut();
    server.write(', that goes on\nlast\n');
    await clock.advance(5_000);
    server.end();
    await clock.advance(1_000);
    expect(reading.text()).toBe('first\na line of several pieces, that goes on\nlast\n');
    expect(reading.gaps()).toEqual([]);
    expect(server.asked.map(({ sinceTime }) => sinceTime)).toEqual([undefined, '2026-01-01T00:00:58Z']);
  });

  it('goes on exactly when the clock of the node was set back before it was cut', async () => {
    let back = 0;
    const { clock, server, read } = createLogWorld({ dateBack: () => back });
    const reading = read();
    server.write('one\n');
    await clock.advance(60_000);
    server.write('two\n');
    back = 3_600_000_000_000;
    server.write('three\n');
    await clock.settle();
    server.cut();
    server.write('four\n');
    await clock.advance(10_000);
    expect(reading.text()).toBe('one\ntwo\nthree\nfour\n');
    expect(reading.gaps()).toEqual([]);
    await reading.stop();
  });

  it('reads again when a stream stops within a time, even if it looks complete', async () => {
    const { clock, read } = createLogWorld();
    const first = '2026-01-01T00:00:00.000000001Z one\n';
    const answers = [`${first}2026-01-01T00:00:0`, `${first}2026-01-01T00:00:01.5Z two\n`];
    const podLog = async function* () {
      yield await Promise.resolve(Buffer.from(answers.shift() ?? ''));
    };
    const api = { podLog: () => Promise.resolve(podLog()) } as unknown as KubeApi;
    const reading = read({ api, follow: false });
    await clock.advance(10_000);
    expect(reading.outcome()).toBeNull();
    expect(reading.text()).toBe('one\ntwo\n');
  });

  it('does not end because a stream did', async () => {
    const { clock, server, read } = createLogWorld();
    const reading = read();
    server.write('one\n');
    await clock.settle();
    server.truncate();
    await clock.advance(10_000);
    server.write('two\n');
    await clock.advance(10_000);
    expect(reading.text()).toBe('one\ntwo\n');
    expect(reading.outcome()).toBeUndefined();
    server.end();
    await clock.advance(1_000);
    expect(reading.outcome()).toBeNull();
  });

  it('waits for the API to show the end of a container whose stream has ended, without a request', async () => {
    const { clock, server, read } = createLogWorld();
    let shown = false;
    server.write('one\n');
    const reading = read({ ended: () => Promise.resolve(shown) });
    server.end();
    await clock.advance(1_200);
    expect(reading.outcome()).toBeUndefined();
    shown = true;
    await clock.advance(1_000);
    expect(reading.outcome()).toBeNull();
    expect(server.asked).toHaveLength(1);
  });

  it('looks once more when the end shows late: the stream may have broken just before', async () => {
    const { clock, server, read } = createLogWorld();
    let shown = false;
    server.write('one\n');
    const reading = read({ ended: () => Promise.resolve(shown) });
    await clock.settle();
    server.truncate();
    await clock.advance(3_000);
    server.write('last words\n');
    server.end();
    shown = true;
    await clock.advance(1_000);
    expect(reading.text()).toBe('one\nlast words\n');
    expect(reading.outcome()).toBeNull();
    expect(server.asked).toHaveLength(2);
  });

  it('looks once more when the stream of an ended container stops inside of a line', async () => {
    const { clock, server, read } = createLogWorld({ pieceBytes: 4 });
    server.write('one\ntwo and more');
    const reading = read();
    await clock.settle();
    server.truncate();
    server.end();
    await clock.advance(1_000);
    expect(reading.text()).toBe('one\ntwo and more');
    expect(reading.outcome()).toBeNull();
    expect(server.asked).toHaveLength(2);
  });

  it('marks what was rotated away while it was cut', async () => {
    const { clock, server, read } = createLogWorld();
    server.write('one\ntwo\n');
    const reading = read();
    await clock.settle();
    server.refuse(down());
    server.cut();
    server.write('lost\n');
    server.rotate();
    server.write('three\n');
    await clock.advance(30_000);
    expect(reading.runs().map(String)).toEqual(['one\ntwo\n', 'three\n']);
    expect(reading.gaps()).toEqual([{ gap: true, fromByte: 8, toByte: 9 }]);
    await reading.stop();
  });

  it('loses nothing when the log is rotated while a stream stands', async () => {
    const { clock, server, read } = createLogWorld();
    server.write('one\n');
    const reading = read();
    await clock.settle();
    server.rotate();
    server.write('two\n');
    await clock.settle();
    expect(reading.runs().map(String)).toEqual(['one\ntwo\n']);
    await reading.stop();
  });

  it('finds at the end what the kubelet did not follow, as it was still reading the file before, and marks the place', async () => {
    const { clock, server, read } = createLogWorld();
    const much = `${'x'.repeat(1_023)}\n`.repeat(1_024);
    const reading = read();
    server.write(much);
    await clock.settle();
    server.rotateUnnoticed();
    server.write('after it\n');
    server.end();
    await clock.advance(5_000);
    expect(reading.outcome()).toBeNull();
    expect(reading.runs().map(String)).toEqual([much, 'after it\n']);
    expect(server.asked).toHaveLength(2);
  });

  it.each([
    ['nothing was rotated', () => undefined],
    ['it was rotated after the last line', (server: LogServer) => server.rotate()],
    [
      'it was rotated and followed',
      (server: LogServer) => {
        server.rotate();
        server.write('after it\n');
      },
    ],
  ])('has no gap at the end of a long output when %s', async (_when, happens) => {
    const { clock, server, read } = createLogWorld();
    const reading = read();
    server.write(`${'x'.repeat(1_023)}\n`.repeat(1_024));
    await clock.settle();
    happens(server);
    server.end();
    await clock.advance(5_000);
    expect([reading.outcome(), reading.gaps()]).toEqual([null, []]);
    expect(server.asked).toHaveLength(2);
  });

  it('marks the missing beginning of a log that was rotated before it came', async () => {
    const { clock, server, read } = createLogWorld();
    const started = clock.now();
    server.write('gone\n');
    await clock.advance(600_000);
    server.rotate();
    server.write('rest\n');
    server.end();
    for (const fromByte of [0, 1_000]) {
      const reading = read({ fromByte, startedAt: () => started });
      await clock.advance(10_000);
      expect(reading.gaps()).toEqual([{ gap: true, fromByte, toByte: fromByte + 1 }]);
      expect(reading.runs().map(String)).toEqual(['', 'rest\n']);
    }
  });

  it('counts from the beginning where the first line is that of a program just started, or was waited for', async () => {
    const { clock, server, read } = createLogWorld();
    const started = clock.now();
    server.start();
    const patient = read({ startedAt: () => started });
    await clock.advance(600_000);
    server.write('first words\n');
    await clock.settle();
    expect(patient.gaps()).toEqual([]);
    const late = read({ startedAt: () => clock.now() - 610_000, fromByte: 6 });
    await clock.settle();
    expect(late.gaps()).toHaveLength(1);
    const known = read({ startedAt: () => clock.now() - 30_000, fromByte: 6 });
    await clock.settle();
    expect(known.text()).toBe('words\n');
    for (const reading of [patient, late, known]) await reading.stop();
  });

  it('waits for a container that has not started, woken by a change', async () => {
    const { clock, server, read } = createLogWorld();
    let wake = (): void => undefined;
    const reading = read({ changed: () => new Promise((resolve) => (wake = resolve)) });
    await clock.advance(120_000);
    const polls = server.asked.length;
    expect(polls).toBeLessThan(40);
    server.write('hello\n');
    wake();
    await clock.advance(200);
    expect(reading.text()).toBe('hello\n');
    await reading.stop();
  });

  it('reads what a short program wrote and ended with while it was not looking', async () => {
    const { clock, server, read } = createLogWorld();
    const reading = read({
      ended: () => {
        server.write('one\n');
        server.end();
        return Promise.resolve(true);
      },
    });
    await clock.advance(1_000);
    expect([reading.outcome(), reading.text()]).toEqual([null, 'one\n']);
  });

  it('ends without a log when the container ended without one', async () => {
    const { clock, server, read } = createLogWorld();
    const reading = read({ ended: () => Promise.resolve(true) });
    await clock.settle();
    expect([reading.outcome(), reading.pieces.length]).toEqual([null, 0]);
    const range = read({ follow: false, ended: () => Promise.resolve(false) });
    await clock.settle();
    expect([range.outcome(), server.asked.length]).toEqual([null, 3]);
  });

  it('marks the end that could not be read before the pod was deleted', async () => {
    const { clock, server, read } = createLogWorld();
    server.write('one\n');
    const reading = read();
    await clock.settle();
    server.remove();
    await clock.advance(10_000);
    expect(reading.outcome()).toBeNull();
    expect(reading.runs().map(String)).toEqual(['one\n', '']);
  });

  it('leaves out what the node itself writes into a stream, and reads again', async () => {
    const { clock, server, read } = createLogWorld();
    server.write('one\n');
    const reading = read();
    await clock.settle();
    server.spoil('failed to create fsnotify watcher: too many open files');
    server.write('two\n');
    await clock.advance(5_000);
    expect(reading.text()).toBe('one\ntwo\n');
    await reading.stop();
  });

  it('gives up what the node has lost, marked', async () => {
    const { clock, server, read } = createLogWorld();
    server.write('one\n');
    const reading = read();
    await clock.settle();
    server.cut();
    server.rotate();
    server.end();
    await clock.advance(60_000);
    expect(reading.outcome()).toBeNull();
    expect(reading.runs().map(String)).toEqual(['one\n', '']);
  });

  it('survives an API server that is away for long, and says so once', async () => {
    const { clock, server, read } = createLogWorld();
    const logger = recordingLogger();
    server.write('one\n');
    const reading = read({ logger });
    await clock.settle();
    server.refuse(...Array.from({ length: 12 }, down));
    server.cut();
    server.write('two\n');
    await clock.advance(180_000);
    expect(reading.text()).toBe('one\ntwo\n');
    server.end();
    await clock.advance(1_000);
    expect(logger.records.map(({ level }) => level)).toEqual(['warn', 'info']);
  });

  it('throws what will not change, and what lasts when it does not follow', async () => {
    const { clock, server, read } = createLogWorld();
    server.write('one\n');
    server.refuse(kubeError('kube_forbidden', 'no'));
    const forbidden = read();
    await clock.settle();
    expect(isRunnerError(forbidden.outcome(), 'kube_forbidden')).toBe(true);
    server.refuse(down(), down(), down());
    const range = read({ follow: false });
    await clock.advance(60_000);
    expect(isRunnerError(range.outcome(), 'kube_unreachable')).toBe(true);
    server.refuse(down(), down());
    const better = read({ follow: false });
    await clock.advance(60_000);
    expect([better.outcome(), better.text()]).toEqual([null, 'one\n']);
  });

  it('gives up two minutes after the end of a container whose log cannot be had', async () => {
    const { clock, server, read } = createLogWorld();
    server.write('one\n');
    server.end();
    server.refuse(...Array.from({ length: 100 }, down));
    const reading = read();
    await clock.advance(100_000);
    expect(reading.outcome()).toBeUndefined();
    await clock.advance(60_000);
    expect(isRunnerError(reading.outcome(), 'kube_unreachable')).toBe(true);
  });

  it('renews a stream that is silent for long, and one that does not end with its container', async () => {
    const { clock, server, read } = createLogWorld();
    let over = false;
    server.write('one\n');
    const reading = read({ ended: () => Promise.resolve(over) });
    await clock.advance(599_000);
    expect(server.asked).toHaveLength(1);
    await clock.advance(10_000);
    expect(server.asked).toHaveLength(2);
    over = true;
    await clock.advance(70_000);
    expect(server.asked.length).toBeGreaterThan(2);
    expect(reading.gaps()).toEqual([]);
    await reading.stop();
  });

  it('serves two readers at once, and ends quietly when one has had enough', async () => {
    const { clock, server, read } = createLogWorld();
    const [one, other] = [read(), read({ fromByte: 2 })];
    server.write('first\n');
    await clock.settle();
    await one.stop();
    server.write('second\n');
    await clock.settle();
    expect([one.text(), one.outcome()]).toEqual(['first\n', null]);
    expect(other.text()).toBe('rst\nsecond\n');
    await other.stop();
    expect([server.open(), clock.pendingTimers]).toEqual([0, 0]);
  });

  it('stops quietly while it waits', async () => {
    const { clock, server, read } = createLogWorld();
    const waiting = read();
    await clock.settle();
    server.refuse(down());
    await clock.advance(500);
    await waiting.stop();
    expect([waiting.outcome(), clock.pendingTimers]).toEqual([null, 0]);
  });
});
