import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { recordingLogger } from '@runner/core/testing';
import { catchFaults, watchSignals } from '../../src/host.ts';
import type { Host } from '../../src/host.ts';

function fakeHost(): Host & { readonly events: EventEmitter; readonly exits: readonly number[] } {
  const events = new EventEmitter();
  const exits: number[] = [];
  return {
    events,
    exits,
    env: {},
    pid: 1,
    on: (event, listener) => events.on(event, listener),
    exit: (code) => void exits.push(code),
    kill: () => undefined,
  };
}

describe('signals', () => {
  it.each([
    ['SIGTERM', 'SIGTERM'],
    ['SIGINT', 'SIGTERM'],
  ])('the first (%s) asks to leave, the second (%s) leaves at once', async (one, two) => {
    const host = fakeHost();
    const { first } = watchSignals(host, recordingLogger());
    host.events.emit(one);
    await first;
    expect(host.exits).toEqual([]);
    host.events.emit(two);
    expect(host.exits).toEqual([1]);
  });
});

describe('a fault that nobody caught', () => {
  it.each(['uncaughtException', 'unhandledRejection'])('(%s) is logged and ends the process with 1', (event) => {
    const host = fakeHost();
    const logger = recordingLogger();
    catchFaults(host, logger);
    host.events.emit(event, new TypeError('undefined is not a function'));
    expect(host.exits).toEqual([1]);
    expect(logger.records).toMatchObject([
      { level: 'error', context: { error: { name: 'TypeError', message: 'undefined is not a function' } } },
    ]);
  });
});
