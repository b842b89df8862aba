import { testRandom } from '@runner/core/testing';
import type { AgentMessage, ControlMessage } from '@runner/protocol';
import { decodeAgentMessage, encodeControlMessage } from '@runner/protocol';
import type { SessionEffect } from '@runner/protocol/client';
import { ClientSession } from '@runner/protocol/client';
import { CONTROL_SAMPLES, sampleHello, sampleWelcome } from '@runner/protocol/testing';

export type State = 'greeting' | 'active' | 'standby' | 'blocked' | 'between the pages of a level' | 'closed';
export const STATES: readonly State[] = [
  'greeting',
  'active',
  'standby',
  'blocked',
  'between the pages of a level',
  'closed',
];

/** A session in that state, at monotonic time 0 and epoch 1. */
export function sessionIn(state: State): ClientSession {
  const session = new ClientSession({ hello: sampleHello(), random: testRandom(), at: 0 });
  session.begin();
  if (state === 'greeting') return session;
  const role = state === 'standby' || state === 'blocked' ? state : 'active';
  hear(session, sampleWelcome({ role }));
  if (state === 'between the pages of a level') hear(session, CONTROL_SAMPLES['level.begin']);
  if (state === 'closed') session.receive('{', 1, 0);
  return session;
}

/** The session receives this message. */
export function hear(session: ClientSession, message: ControlMessage, at = 0): SessionEffect[] {
  const { text, bytes } = encodeControlMessage(message);
  return session.receive(text, bytes, at);
}

/** Effects in a word each, `received` left out. */
export function inShort(effects: readonly SessionEffect[]): string[] {
  return effects.flatMap((effect) => {
    switch (effect.kind) {
      case 'received':
        return [];
      case 'send':
        return [`send ${effect.type}`];
      case 'close':
        return [`close ${effect.close.code}`];
      case 'event':
        return [effect.event.kind === 'ignored' ? `ignored ${effect.event.reason}` : `event ${effect.event.kind}`];
    }
  });
}

/** The frames among the effects, as the other side reads them. */
export function framesIn(effects: readonly SessionEffect[]): AgentMessage[] {
  return effects.flatMap((effect) => {
    if (effect.kind !== 'send') return [];
    const read = decodeAgentMessage(effect.text, effect.bytes);
    if (read.kind !== 'ok') throw new Error(`an invalid frame was sent: ${effect.text.slice(0, 200)}`);
    return [read.message];
  });
}
