import { describe, expect, it } from 'vitest';
import { isRunnerError } from '@runner/core';
import type { AgentMessage, ControlMessage, Decoded } from '@runner/protocol';
import {
  CLOSE,
  LIMITS,
  decodeAgentMessage,
  decodeControlMessage,
  encodeAgentMessage,
  encodeControlMessage,
} from '@runner/protocol';
import { AGENT_SAMPLES, CONTROL_SAMPLES, sampleRunId, sampleStart } from '@runner/protocol/testing';

const agent = (text: string): Decoded<AgentMessage> => decodeAgentMessage(text, Buffer.byteLength(text));
const control = (text: string): Decoded<ControlMessage> => decodeControlMessage(text, Buffer.byteLength(text));
const problem = (close: object, reason: unknown): object => ({ kind: 'problem', close, reason });

function thrown(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('reading a frame', () => {
  it.each(Object.values(AGENT_SAMPLES))('reads back what an agent wrote: $type', (message) => {
    const { text, bytes } = encodeAgentMessage(message);
    expect(bytes).toBe(Buffer.byteLength(text));
    expect(decodeAgentMessage(text, bytes)).toEqual({ kind: 'ok', message });
  });

  it.each(Object.values(CONTROL_SAMPLES))('reads back what a control plane wrote: $type', (message) => {
    const { text, bytes } = encodeControlMessage(message);
    expect(decodeControlMessage(text, bytes)).toEqual({ kind: 'ok', message });
  });

  it('drops unknown fields, at the top and inside', () => {
    const frame = { type: 'slots', extra: 1, slots: { total: 1, free: 1, startsSeen: 0, more: { deep: true } } };
    expect(agent(JSON.stringify(frame))).toEqual({
      kind: 'ok',
      message: { type: 'slots', slots: { total: 1, free: 1, types: {}, startsSeen: 0 } },
    });
  });

  it('fills in defaults', () => {
    const run = { ...sampleStart(), priority: undefined };
    const read = control(JSON.stringify({ type: 'start', epoch: 1, run }));
    expect(read).toMatchObject({ kind: 'ok', message: { run: { priority: 0 } } });
  });

  it('ignores an unknown type, and refuses with 4406 one that is marked as required', () => {
    expect(control('{"type":"level.hint","x":1}')).toEqual({ kind: 'ignored' });
    expect(control('{"type":"level.hint","required":false}')).toEqual({ kind: 'ignored' });
    expect(control('{"type":"level.hint","required":true}')).toEqual(
      problem(CLOSE.unsupported, 'a frame of a newer version was marked as required'),
    );
  });

  it('knows each side its own words only', () => {
    expect(agent(encodeControlMessage(CONTROL_SAMPLES.cancel).text)).toEqual({ kind: 'ignored' });
    expect(control(encodeAgentMessage(AGENT_SAMPLES.observed).text)).toEqual({ kind: 'ignored' });
  });

  it('refuses a binary frame', () => {
    expect(decodeAgentMessage(undefined, 3)).toEqual(
      problem(CLOSE.badFrame, 'binary frames are not part of the protocol'),
    );
  });

  it.each(['', '{', 'nonsense', '{"type":"ping","n":1}}', '\u0000', '{"type":"ping","n":01}'])(
    'refuses what is no JSON: %j',
    (text) => expect(agent(text)).toEqual(problem(CLOSE.badFrame, 'not valid JSON')),
  );

  it.each(['null', '[]', '"ping"', '1', '[{"type":"ping"}]'])('refuses JSON that is no object: %s', (text) =>
    expect(agent(text)).toEqual(problem(CLOSE.badFrame, 'frame: expected an object')),
  );

  it.each(['{}', '{"type":1}', '{"type":null}', '{"Type":"ping"}'])('refuses an object without a type: %s', (text) =>
    expect(agent(text)).toEqual(problem(CLOSE.badFrame, 'type: expected a string')),
  );

  it.each([
    ['{"type":"ping"}', 'ping: n: expected number'],
    ['{"type":"ping","n":-1}', 'ping: n: expected at least 0 (number)'],
    ['{"type":"ping","n":1.5}', 'ping: n: expected int'],
    ['{"type":"ping","n":null}', 'ping: n: expected number'],
    ['{"type":"cancelled","epoch":1,"runId":"me"}', 'cancelled: runId: expected uuid'],
    ['{"type":"slots","slots":[]}', 'slots: slots: expected object'],
    [
      '{"type":"slots","slots":{"total":1,"free":1,"startsSeen":0,"types":{"my-secret":{"total":1}}}}',
      'slots: slots.types.*.free: expected number',
    ],
    [
      `{"type":"log.end","streamId":"s","runId":"${sampleRunId()}","rawTo":0,"reason":"bored"}`,
      'log.end: reason: expected one of complete, not_found, unavailable, closed, lagging',
    ],
  ])('names the place and the expectation, not the value: %s', (text, reason) => {
    expect(agent(text)).toEqual(problem(CLOSE.badFrame, reason));
  });

  it('refuses a config that is no object', () => {
    for (const config of [null, [], 'text', 1]) {
      const frame = { type: 'start', epoch: 1, run: { ...sampleStart(), config } };
      expect(control(JSON.stringify(frame))).toEqual(problem(CLOSE.badFrame, 'start: run.config: expected an object'));
    }
  });

  it('refuses timings that would take a late ping for silence', () => {
    const welcome = { ...CONTROL_SAMPLES.welcome, timings: { heartbeatMs: 1_000, silenceMs: 1_499 } };
    expect(control(JSON.stringify(welcome))).toMatchObject({ kind: 'problem', close: CLOSE.badFrame });
  });
});

describe('limits', () => {
  it('refuses with 4413 by the size on the wire, before anything else', () => {
    expect(agent('{"type":"draining"}')).toMatchObject({ kind: 'ok' });
    expect(decodeAgentMessage('{"type":"draining"}', LIMITS.frameBytes + 1)).toMatchObject({
      kind: 'problem',
      close: CLOSE.tooLarge,
    });
  });

  const nested = (depth: number, leaf = '1'): string => '{"a":'.repeat(depth) + leaf + '}'.repeat(depth);
  const startWith = (config: string): string =>
    JSON.stringify({ type: 'start', epoch: 1, run: sampleStart({ config: { x: 'CONFIG' } }) }).replace(
      '"CONFIG"',
      config,
    );

  it('takes a config that is as deep as allowed, and refuses one that is a level deeper', () => {
    // The frame, the run and the config are three levels.
    expect(control(startWith(nested(LIMITS.depth - 3)))).toMatchObject({ kind: 'ok' });
    expect(control(startWith(nested(LIMITS.depth - 2)))).toEqual(problem(CLOSE.badFrame, 'nested deeper than 64'));
  });

  it.each([65, 1_000, 100_000])('refuses depth %i in an unknown field, an unknown type and alone', (depth) => {
    for (const deep of [nested(depth), '['.repeat(depth) + ']'.repeat(depth)]) {
      const texts = [`{"type":"ping","n":1,"x":${deep}}`, `{"type":"newer","x":${deep}}`, deep, `{"type":${deep}}`];
      for (const text of texts) expect(agent(text)).toEqual(problem(CLOSE.badFrame, 'nested deeper than 64'));
    }
  });

  it('does not mistake brackets in texts for depth', () => {
    const data = '{["\\'.repeat(10_000);
    const frame = { ...AGENT_SAMPLES['log.chunk'], data, unknown: data };
    expect(agent(JSON.stringify(frame))).toMatchObject({ kind: 'ok', message: { data } });
  });

  it('allows 65,536 bytes of log data, counted in UTF-8', () => {
    const chunk = (data: string): string => JSON.stringify({ ...AGENT_SAMPLES['log.chunk'], data });
    expect(agent(chunk('x'.repeat(65_536)))).toMatchObject({ kind: 'ok' });
    expect(agent(chunk('x'.repeat(65_537)))).toMatchObject({ kind: 'problem' });
    expect(agent(chunk('€'.repeat(21_845)))).toMatchObject({ kind: 'ok' });
    expect(agent(chunk('€'.repeat(21_846)))).toMatchObject({ kind: 'problem' });
  });
});

describe('keys that could change a prototype', () => {
  const polluted = (): unknown => (({}) as Record<string, unknown>)['polluted'];

  it.each([
    ['__proto__', '{"__proto__":{"polluted":1},"a":1}'],
    ['__proto__ inside a list', '{"a":1,"b":[{"__proto__":{"polluted":1}}]}', { a: 1, b: [{}] }],
    ['constructor', '{"constructor":{"prototype":{"polluted":1}},"a":1}'],
    ['escaped letters', '{"\\u005f\\u005fproto__":{"polluted":1},"c\\u006fnstructor":{"prototype":{}},"a":1}'],
  ])('are dropped from a config: %s', (_name, config, expected: object = { a: 1 }) => {
    const text = JSON.stringify({ type: 'start', epoch: 1, run: sampleStart() }).replace(
      JSON.stringify(sampleStart().config),
      config,
    );
    const read = control(text);
    if (read.kind !== 'ok' || read.message.type !== 'start') throw new Error('not read');
    expect(JSON.stringify(read.message.run.config)).toBe(JSON.stringify(expected));
    // What a careless reader does with it.
    Object.assign({}, read.message.run.config);
    expect(polluted()).toBeUndefined();
  });

  it('are dropped from the pipeline types of slots', () => {
    const types = '{"__proto__":{"total":1,"free":1},"constructor":{"total":1,"free":1},"usage":{"total":1,"free":1}}';
    const read = agent(`{"type":"slots","slots":{"total":1,"free":1,"startsSeen":0,"types":${types}}}`);
    if (read.kind !== 'ok' || read.message.type !== 'slots') throw new Error('not read');
    expect(Object.keys(read.message.slots.types)).toEqual(['usage']);
  });

  it('keep a plain text that is named constructor', () => {
    const config = { constructor: 'ACME Builders' };
    const read = control(JSON.stringify({ type: 'start', epoch: 1, run: sampleStart({ config }) }));
    expect(read).toMatchObject({ message: { run: { config } } });
  });
});

describe('writing a frame', () => {
  it('refuses one the other side would have to refuse, without repeating its content', () => {
    const error = thrown(() => encodeAgentMessage({ ...AGENT_SAMPLES.cancelled, runId: 'marker-in-a-run-id' }));
    expect(isRunnerError(error, 'invalid_frame')).toBe(true);
    expect(String(error)).toContain('cancelled frame was not sent: runId: expected uuid');
    expect(String(error)).not.toContain('marker');
  });

  it('refuses one that is larger than 1 MiB', () => {
    const run = sampleStart({ config: { text: 'x'.repeat(LIMITS.frameBytes) } });
    expect(
      isRunnerError(
        thrown(() => encodeControlMessage({ type: 'start', epoch: 1, run })),
        'frame_too_large',
      ),
    ).toBe(true);
  });

  it('refuses a config that is too deep, endlessly deep, or no JSON', () => {
    const deep = (depth: number): object => (depth === 0 ? {} : { a: deep(depth - 1) });
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    for (const config of [deep(62), circular, { big: 1n }] as never[]) {
      const error = thrown(() => encodeControlMessage({ type: 'start', epoch: 1, run: sampleStart({ config }) }));
      expect(isRunnerError(error, 'invalid_frame')).toBe(true);
    }
    expect(() =>
      encodeControlMessage({ type: 'start', epoch: 1, run: sampleStart({ config: deep(61) as never }) }),
    ).not.toThrow();
  });

  it('refuses words of the other direction', () => {
    expect(
      isRunnerError(
        thrown(() => encodeAgentMessage(CONTROL_SAMPLES.cancel as never)),
        'invalid_frame',
      ),
    ).toBe(true);
  });
});
