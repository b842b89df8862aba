import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ControlMessage } from '@runner/protocol';
import { LIMITS, encodeControlMessage } from '@runner/protocol';
import type { AgentStatement, SessionEffect } from '@runner/protocol/client';
import { CONTROL_SAMPLES, samplePresent, sampleRunId, sampleSlots } from '@runner/protocol/testing';
import type { State } from '../support/client-session.ts';
import { framesIn, sessionIn } from '../support/client-session.ts';

const epochs = fc.integer({ min: 0, max: 3 });
const streamIds = fc.constantFrom('log-1', 'log-2', 'log-3');
const levelIds = fc.constantFrom('level-1', 'level-2');

/** Any message of the control plane, with epochs, streams and levels that meet each other. */
const messages: fc.Arbitrary<ControlMessage> = fc
  .record({
    sample: fc.constantFrom(...Object.values(CONTROL_SAMPLES)),
    epoch: epochs,
    streamId: streamIds,
    levelId: levelIds,
    role: fc.constantFrom('active', 'active', 'standby', 'blocked'),
    total: fc.nat(2),
  })
  .map(
    ({ sample, ...varied }) =>
      Object.fromEntries(
        Object.entries(sample).map(([key, value]) => [key, key in varied ? varied[key as keyof typeof varied] : value]),
      ) as ControlMessage,
  );

const runId = sampleRunId();
const statements: fc.Arbitrary<AgentStatement> = fc.oneof(
  fc.constant({ type: 'observed', observation: samplePresent() } as const),
  fc.constant({ type: 'cancelled', runId } as const),
  fc.constant({ type: 'slots', slots: sampleSlots() } as const),
  fc.constant({ type: 'draining' } as const),
  streamIds.map((streamId) => ({ type: 'log.chunk', streamId, runId, rawFrom: 0, rawTo: 1, data: 'x' }) as const),
  streamIds.map((streamId) => ({ type: 'log.end', streamId, runId, rawTo: 1, reason: 'complete' }) as const),
);

type Step =
  | { readonly kind: 'hear'; readonly message: ControlMessage }
  | { readonly kind: 'bytes'; readonly text: string }
  | { readonly kind: 'say'; readonly statement: AgentStatement }
  | { readonly kind: 'report'; readonly levelId: string }
  | { readonly kind: 'wait'; readonly ms: number };

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: messages.map((message) => ({ kind: 'hear', message }) as const) },
  { weight: 4, arbitrary: statements.map((statement) => ({ kind: 'say', statement }) as const) },
  { weight: 2, arbitrary: levelIds.map((levelId) => ({ kind: 'report', levelId }) as const) },
  { weight: 2, arbitrary: fc.nat(20_000).map((ms) => ({ kind: 'wait', ms }) as const) },
  { weight: 1, arbitrary: fc.string().map((text) => ({ kind: 'bytes', text }) as const) },
);

describe('a session under any sequence of frames, statements and silence', () => {
  it('sends valid frames only, tells nothing that is not for it, and is silent after its end', () => {
    fc.assert(
      fc.property(
        fc.array(steps, { maxLength: 60 }),
        fc.constantFrom<State>('greeting', 'active', 'standby'),
        (script, state) => {
          const session = sessionIn(state);
          const open = new Set<string>();
          let now = 0;
          let isOver = false;
          let startsReceived = 0;
          const perform = (step: Step): SessionEffect[] => {
            switch (step.kind) {
              case 'hear': {
                const { text, bytes } = encodeControlMessage(step.message);
                return session.receive(text, bytes, now);
              }
              case 'bytes':
                return session.receive(step.text, Buffer.byteLength(step.text), now);
              case 'say':
                return session.say(step.statement);
              case 'report':
                return session.report(step.levelId, [samplePresent()]);
              case 'wait':
                now += step.ms;
                return session.tick(now);
            }
          };
          for (const step of script) {
            const before = session.info;
            if (!isOver && before !== undefined && step.kind === 'hear' && step.message.type === 'start')
              startsReceived += 1;
            const effects = perform(step);
            if (isOver) {
              expect(effects.filter(({ kind }) => kind === 'send' || kind === 'close')).toEqual([]);
              continue;
            }
            for (const frame of framesIn(effects)) {
              if ('epoch' in frame) expect([frame.epoch, session.info?.role]).toEqual([session.info?.epoch, 'active']);
              if (frame.type === 'slots') expect(frame.slots.startsSeen).toBe(startsReceived);
              if ('streamId' in frame && frame.type !== 'log.end') expect(open.has(frame.streamId)).toBe(true);
              if (frame.type === 'log.end') open.delete(frame.streamId);
            }
            for (const effect of effects) {
              if (effect.kind === 'close') isOver = true;
              if (effect.kind !== 'event') continue;
              const { event } = effect;
              if (event.kind === 'logOpen') open.add(event.open.streamId);
              if (['start', 'cancel', 'level', 'recorded', 'discard', 'endingAcknowledged'].includes(event.kind)) {
                expect(before?.role).toBe('active');
              }
            }
            expect(open.size).toBeLessThanOrEqual(LIMITS.logStreams);
            if (session.info?.role !== 'active') expect(open.size).toBe(0);
          }
        },
      ),
      { numRuns: 1_500 },
    );
  });
});
