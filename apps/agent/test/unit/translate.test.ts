import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Observation, PresentObservation } from '@runner/executor';
import { LIMITS, decodeAgentMessage, encodeAgentMessage, observationSchema, runStartSchema } from '@runner/protocol';
import type { WireObservation } from '@runner/protocol';
import { runSpecOf, wireObservationOf, wireProblemOf, wireSlotsOf } from '../../src/translate.ts';

const runId = '11111111-2222-4333-8444-555555555555';
const owner = { controlPlaneId: 'cp', agentId: 'agent' };

const text = (maxLength: number) => fc.string({ unit: 'binary', maxLength });
const instant = fc.integer({ min: 0, max: 4_102_444_800_000 });
const option = <T>(arb: fc.Arbitrary<T>) => fc.option(arb, { nil: undefined });
/** Leaves out what is undefined, as exact optional properties want it. */
const compact = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as T;

const diagnosis = fc
  .record({
    category: fc.constantFrom('scheduling', 'image', 'program', 'out_of_memory', 'unknown'),
    code: fc.stringMatching(/^[a-z_]{1,40}$/),
    message: text(200),
    hint: option(text(200)),
    permanent: fc.boolean(),
  })
  .map(compact);
const outcome = fc
  .record({
    result: fc.constantFrom('succeeded', 'failed', 'cancelled'),
    exitCode: option(fc.integer({ min: 0, max: 255 })),
    signal: option(fc.constantFrom('SIGKILL', 'SIGTERM')),
    diagnosis: option(diagnosis),
    logTail: option(text(2_000)),
  })
  .map(compact);
const present = fc
  .record({
    presence: fc.constant('present'),
    runId: fc.constant(runId),
    observedAt: instant,
    workload: fc.record({
      kind: fc.constant('process'),
      name: fc.stringMatching(/^[a-z0-9-]{1,63}$/),
      uid: fc.uuid(),
    }),
    phase: fc.constantFrom('pending', 'running', 'ending', 'ended'),
    startedAt: option(instant),
    endedAt: option(instant),
    outcome: option(outcome),
    diagnosis: option(diagnosis),
    suspended: option(fc.boolean()),
    pipelineType: fc.constantFrom('metadata', 'TestSuite', 'automation'),
  })
  .map(compact);
const observation = fc.oneof(
  present,
  fc.record({ presence: fc.constant('absent'), runId: fc.constant(runId), observedAt: instant }),
  fc.record({ presence: fc.constant('unknown'), runId: fc.constant(runId), observedAt: instant, reason: text(200) }),
) as fc.Arbitrary<Observation>;

/** No half of a character pair stands alone. */
const isWellFormed = (value = '\ud800'): boolean => Buffer.from(value).toString() === value;
const asFrame = (wire: WireObservation) => encodeAgentMessage({ type: 'observed', epoch: 1, observation: wire });

describe('an observation', () => {
  it('within the limits goes over the wire and comes back the same', () => {
    fc.assert(
      fc.property(observation, (seen) => {
        const frame = asFrame(wireObservationOf(seen));
        const back = decodeAgentMessage(frame.text, frame.bytes);
        expect(back).toMatchObject({ kind: 'ok' });
        expect(JSON.parse(frame.text)).toEqual({ type: 'observed', epoch: 1, observation: seen });
      }),
    );
  });

  it('beyond every limit is cut to one valid frame, and the end of the log is what stays', () => {
    for (const filler of ['x', '\u0000', '😀', '\\"']) {
      const long = filler.repeat(400_000);
      const problem = { category: 'program', code: long, message: long, hint: long, permanent: true } as const;
      const seen: PresentObservation = {
        presence: 'present',
        runId,
        observedAt: 1.5,
        workload: { kind: long, name: long, uid: '' },
        phase: 'ended',
        startedAt: -3,
        endedAt: 1_700_000_000_000.75,
        outcome: { result: 'failed', signal: long, diagnosis: problem, logTail: `${long}THE END` },
        diagnosis: problem,
        pipelineType: long,
      };
      const wire = wireObservationOf(seen);
      expect(observationSchema.safeParse(wire).error).toBeUndefined();
      expect(asFrame(wire).text.length).toBeGreaterThan(0);
      expect(wire).toMatchObject({ observedAt: 2, startedAt: 0, endedAt: 1_700_000_000_001 });
      const tail = wire.presence === 'present' ? (wire.outcome?.logTail ?? '') : '';
      expect(tail.endsWith('THE END')).toBe(true);
      expect(isWellFormed(tail)).toBe(true);
      expect(isWellFormed(wire.presence === 'present' ? wire.outcome?.diagnosis?.message : undefined)).toBe(true);
    }
  });
});

describe('a start', () => {
  it('becomes a spec that holds everything but what is only for the checks of the agent', () => {
    const run = runStartSchema.parse({
      runId,
      kind: 'pipeline',
      pipelineType: 'metadata',
      name: 'nightly',
      fqn: 'shop.nightly',
      config: { source: { type: 'postgres' } },
      exitToken: 'only-for-the-exit-step',
      connection: { type: 'database/postgres', value: { password: 'secret:x' } },
      deadlineSeconds: 60,
      openMetadataVersion: '1.13.3',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    });
    expect(runSpecOf(run, owner, 30).deadlineSeconds).toBe(30);
    expect(runSpecOf(run, owner, 90)).toEqual({
      runId,
      owner,
      kind: 'pipeline',
      pipelineType: 'metadata',
      name: 'nightly',
      fqn: 'shop.nightly',
      config: { source: { type: 'postgres' } },
      exitToken: 'only-for-the-exit-step',
      secretReferences: ['secret:x'],
      deadlineSeconds: 60,
      openMetadataVersion: '1.13.3',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    });
  });

  it('keeps the references of its connection once each, and nothing else of it', () => {
    const value = { password: 'secret:x', again: ['secret:x', 'secret:y'], user: 'plain', near: 'Secret:z' };
    const run = runStartSchema.parse({
      ...{ runId, kind: 'pipeline', pipelineType: 'metadata', name: 'n', fqn: 'n', config: {}, deadlineSeconds: 60 },
      connection: { type: 'database/postgres', value },
    });
    expect(runSpecOf(run, owner).secretReferences).toEqual(['secret:x', 'secret:y']);
    let deep: object = {};
    for (let level = 0; level < 60; level += 1) deep = { deep };
    const nested = { ...run, connection: { type: 'x', value: { a: { b: { c: { d: { e: deep } } } } } } };
    expect(runSpecOf(nested as typeof run, owner)).not.toHaveProperty('secretReferences');
  });
});

it('a problem is cut to the limits of the wire', () => {
  const long = 'ä'.repeat(40_000);
  const wire = wireProblemOf({ code: long, message: long, hint: long });
  expect(wire.code).toHaveLength(LIMITS.idLength);
  expect(wire.message).toHaveLength(LIMITS.textLength);
  expect(wire.message.endsWith('…')).toBe(true);
  expect(wireProblemOf({ code: 'quota', message: 'full' })).toEqual({ code: 'quota', message: 'full' });
});

it('slots leave the counting of starts to the session', () => {
  expect(wireSlotsOf({ total: 5, free: 2, types: { profiler: { total: 1, free: 0 } } })).toEqual({
    total: 5,
    free: 2,
    types: { profiler: { total: 1, free: 0 } },
  });
});
