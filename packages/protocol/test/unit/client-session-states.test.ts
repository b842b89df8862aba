import { describe, expect, it } from 'vitest';
import type { ControlMessage } from '@runner/protocol';
import { CONTROL_MESSAGE_TYPES } from '@runner/protocol';
import { CONTROL_SAMPLES } from '@runner/protocol/testing';
import type { State } from '../support/client-session.ts';
import { STATES, hear, inShort, sessionIn } from '../support/client-session.ts';

type Table = Readonly<Record<ControlMessage['type'], Readonly<Record<State, readonly string[]>>>>;

const NOT_FOR_ME = ['ignored not_active'];
const early = (then: Partial<Record<State, readonly string[]>>): Readonly<Record<State, readonly string[]>> => ({
  greeting: ['close 4400'],
  active: [],
  standby: NOT_FOR_ME,
  blocked: NOT_FOR_ME,
  'between the pages of a level': then.active ?? [],
  closed: [],
  ...then,
});
const always = (effects: readonly string[]): Readonly<Record<State, readonly string[]>> => ({
  greeting: effects,
  active: effects,
  standby: effects,
  blocked: effects,
  'between the pages of a level': effects,
  closed: [],
});
const LATE_START = { standby: ['ignored not_active', 'send slots'], blocked: ['ignored not_active', 'send slots'] };
const NO_LOGS = { standby: ['ignored not_active', 'send log.end'], blocked: ['ignored not_active', 'send log.end'] };
const NO_STREAM = early({
  active: ['ignored unknown_stream'],
  standby: ['ignored unknown_stream'],
  blocked: ['ignored unknown_stream'],
});

/** What each message of the control plane leads to in each state. */
const EXPECTED: Table = {
  welcome: { ...always(['close 4400']), greeting: ['event session'] },
  ping: always(['send pong']),
  pong: always([]),
  role: { ...always(['event session']), greeting: ['close 4400'] },
  'level.begin': early({ 'between the pages of a level': ['close 4400'] }),
  'level.page': early({ active: ['close 4400'], 'between the pages of a level': [] }),
  // The sample claims one run, and no page came.
  'level.end': early({ active: ['close 4400'], 'between the pages of a level': ['close 4400'] }),
  start: early({ active: ['event start'], 'between the pages of a level': ['close 4400'], ...LATE_START }),
  cancel: early({ active: ['event cancel'], 'between the pages of a level': ['close 4400'] }),
  'ending.ack': early({ active: ['event endingAcknowledged'] }),
  recorded: early({ active: ['event recorded'] }),
  discard: early({ active: ['event discard'] }),
  'log.open': early({ active: ['event logOpen'], ...NO_LOGS }),
  'log.credit': NO_STREAM,
  'log.close': NO_STREAM,
  // It is about no run, so it may come anywhere.
  'secrets.check': early({
    active: ['event checkSecrets'],
    'between the pages of a level': ['event checkSecrets'],
  }),
};

describe.each(STATES)('a session that is %s', (state) => {
  it.each(CONTROL_MESSAGE_TYPES as readonly ControlMessage['type'][])('answers %s as specified', (type) => {
    expect(inShort(hear(sessionIn(state), CONTROL_SAMPLES[type]))).toEqual(EXPECTED[type][state]);
  });

  it('ends with the code of what is wrong with a frame', () => {
    const answer = (text: string | undefined, bytes = text?.length ?? 1): string[] =>
      inShort(sessionIn(state).receive(text, bytes, 0));
    const unlessClosed = (...effects: string[]): string[] => (state === 'closed' ? [] : effects);
    expect(answer('nonsense')).toEqual(unlessClosed('close 4400'));
    expect(answer(undefined)).toEqual(unlessClosed('close 4400'));
    expect(answer('{"type":"ping","n":1}', 1_048_577)).toEqual(unlessClosed('close 4413'));
    expect(answer('{"type":"newer","required":true}')).toEqual(unlessClosed('close 4406'));
    expect(answer('{"type":"newer"}')).toEqual(unlessClosed('ignored unknown_type'));
  });

  it('hears nothing any more once it has ended', () => {
    const session = sessionIn(state);
    session.receive('nonsense', 8, 0);
    expect(session.isOpen).toBe(false);
    for (const sample of Object.values(CONTROL_SAMPLES)) expect(hear(session, sample)).toEqual([]);
    expect(session.tick(1e9)).toEqual([]);
    expect(inShort(session.say({ type: 'draining' }))).toEqual(['ignored unsent']);
  });
});
