import type { PromiseName } from './promises.ts';

/**
 * Mistakes that the code could contain, each of which some history must bring to light. A mutant is a change of one text in
 * one file, made while that file is loaded.
 */
export interface Mutant {
  readonly name: string;
  /** What would go wrong in the field. */
  readonly why: string;
  /** Relative to the repository. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** The promise that is broken. */
  readonly breaks: PromiseName;
  /** A seed and how many histories of it are enough. */
  readonly seed: number;
  readonly histories: number;
}

const DISPATCH = 'packages/dispatch/src';
const SERVER = 'packages/protocol/src/server';
const CLIENT = 'packages/protocol/src/client';
const EXECUTOR = 'packages/executor/src/testing';

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'accept before create',
    why: 'a run is called accepted that may never exist, and is then called lost',
    file: `${DISPATCH}/flow.ts`,
    find: 'const { created, observation } = await rooms.calls.submit(spec, flight.abandoned);',
    replace:
      "rooms.calls.submit(spec, flight.abandoned).catch(() => undefined); const created = true; const observation = { presence: 'unknown', runId, observedAt: 0, reason: 'not looked' } as const;",
    breaks: 'wrong outcome',
    seed: 21,
    histories: 240,
  },
  {
    name: 'no adoption',
    why: 'the workload of a create whose answer was lost is refused instead of adopted',
    file: `${DISPATCH}/flow.ts`,
    find: "return { kind: 'accepted', created, observation };",
    replace:
      "if (!created) return { kind: 'refused', problem: { code: 'already_exists', message: 'it exists already' } }; return { kind: 'accepted', created, observation };",
    breaks: 'closed in error',
    seed: 21,
    histories: 240,
  },
  {
    name: 'create does not look for the one that is there',
    why: 'a repeated start makes a second workload',
    file: `${EXECUTOR}/fake-workloads.ts`,
    find: 'if (all.has(spec.runId)) return false;',
    replace: '',
    breaks: 'executed twice',
    seed: 21,
    histories: 240,
  },
  {
    name: 'server takes frames of any epoch',
    why: 'what an instance said before it was replaced counts after that',
    file: `${SERVER}/session.ts`,
    find: "if (message.epoch !== this.#epoch) return ignore('stale_epoch');",
    replace: '',
    breaks: 'old epoch',
    seed: 21,
    histories: 240,
  },
  {
    name: 'agent takes frames of any epoch',
    why: 'a start from before the promotion creates again what is long over',
    file: `${CLIENT}/session.ts`,
    find: "if (epoch < info.epoch) return 'stale_epoch';",
    replace: '',
    breaks: 'created unasked',
    seed: 4,
    histories: 120,
  },
  {
    name: 'stray not adopted',
    why: "workloads that an older store does not know are nobody's",
    file: `${SERVER}/reduce-run.ts`,
    find: 'if (row === undefined) return adopt(evidence, context);',
    replace: 'if (row === undefined) return undefined;',
    breaks: 'run lost',
    seed: 21,
    histories: 240,
  },
  {
    name: 'stray ended',
    why: 'work that an older store does not know is cancelled by its own agent',
    file: `${DISPATCH}/level.ts`,
    find: 'const report = [...answers, ...strays];',
    replace:
      'for (const { runId } of strays) cancelling.cancel(session, runId, undefined); const report = [...answers, ...strays];',
    breaks: 'ended unasked',
    seed: 21,
    histories: 240,
  },
  {
    name: 'stray removed',
    why: 'outcomes that an older store does not know vanish',
    file: `${DISPATCH}/level.ts`,
    find: 'const report = [...answers, ...strays];',
    replace:
      'for (const { runId } of strays) void calls.discard(runId, session.signal).catch(() => undefined); const report = [...answers];',
    breaks: 'removed unasked',
    seed: 21,
    histories: 240,
  },
  {
    name: 'strays not reported',
    why: 'outcomes of closed rows and of rows an older store lacks are never recorded',
    file: `${DISPATCH}/level.ts`,
    find: 'const report = [...answers, ...strays];',
    replace: 'const report = [...answers];',
    breaks: 'memory',
    seed: 21,
    histories: 240,
  },
  {
    name: 'lost on a stale list',
    why: 'a cache that lags behind makes runs lost that go on',
    file: `${DISPATCH}/level.ts`,
    find: "if (!fresh && seen.proven !== true) return unknown(runId, observedAt, 'the list of workloads may be out of date');",
    replace: '',
    breaks: 'closed in error',
    seed: 21,
    histories: 240,
  },
  {
    name: 'lost without asking by name',
    why: 'a workload without its label makes a run lost that goes on',
    file: `${DISPATCH}/level.ts`,
    find: 'const seen = await look(runId, rooms, signal);',
    replace:
      "const seen = listed.has(runId) ? await look(runId, rooms, signal) : ({ presence: 'absent', runId, observedAt: 0 } as const);",
    breaks: 'closed in error',
    seed: 21,
    histories: 240,
  },
  {
    name: 'live work discarded',
    why: 'a run whose main reported early loses its workload while it cleans up',
    file: `${EXECUTOR}/fake-executor.ts`,
    find: "if (seen.presence === 'present' && !isEnded(seen)) {",
    replace: "if (seen.presence !== 'present') {",
    breaks: 'removed unasked',
    seed: 2,
    histories: 230,
  },
  {
    name: 'cancel forgotten when it overtakes its start',
    why: 'a cancelled run is created all the same',
    file: `${DISPATCH}/starting.ts`,
    find: 'if (cancelling.remembers(runId)) flights.cancel(flight, undefined);',
    replace: '',
    breaks: 'cancel lost',
    seed: 21,
    histories: 240,
  },
  {
    name: 'cancel confirmed before the end',
    why: 'a run is called cancelled while its workload still stops',
    file: `${DISPATCH}/standing.ts`,
    find: "if (ended.presence === 'present') return ended;",
    replace: "if (ended.presence === 'present') return { presence: 'absent', runId, observedAt: 0 };",
    breaks: 'slots',
    seed: 21,
    histories: 240,
  },
  {
    name: 'terminal state degraded by old news',
    why: 'a late sighting turns a finished run into a running one',
    file: `${SERVER}/reduce-run.ts`,
    find: 'if (isClosed(row) && !isCorrectable(row, now)) {\n    return row.outcome',
    replace: 'if (false as boolean) {\n    return row.outcome',
    breaks: 'terminal state degraded',
    seed: 21,
    histories: 240,
  },
  {
    name: 'runner believed more than main',
    why: 'an exit code overrules what the program itself said',
    file: `${SERVER}/run-states.ts`,
    find: 'exitStep: 2, main: 3 }',
    replace: 'exitStep: 2, main: 1 }',
    breaks: 'terminal state degraded',
    seed: 21,
    histories: 240,
  },
  {
    name: 'start sent for closed rows',
    why: 'a run that is cancelled while it is offered is executed',
    file: `${SERVER}/offers.ts`,
    find: 'if (marked === undefined || !needsStart(marked) || !holds()) return;',
    replace: 'if (marked === undefined || !holds()) return;',
    breaks: 'cancel lost',
    seed: 21,
    histories: 240,
  },
  {
    name: 'offered run never started again',
    why: 'a lost start frame loses its run',
    file: `${SERVER}/duty.ts`,
    find: 'if (!saysUnknown(evidence)) this.#offers.again(row.runId);',
    replace: '',
    breaks: 'not repaired',
    seed: 21,
    histories: 240,
  },
  {
    name: 'level not repeated',
    why: 'a lost signal keeps a run waiting until the agent connects anew',
    file: `${SERVER}/duty.ts`,
    find: '() => this.requestLevel());\n  }',
    replace: '() => undefined);\n  }',
    breaks: 'not repaired',
    seed: 21,
    histories: 240,
  },
  {
    name: 'credit ignored',
    why: 'the control plane gives an agent more than it has room for',
    file: `${SERVER}/session.ts`,
    find: 'return Math.max(0, pipelineType === undefined ? this.#credit.total : this.#credit.of(pipelineType));',
    replace: 'return 1;',
    breaks: 'credit',
    seed: 21,
    histories: 240,
  },
  {
    name: 'starts under way not counted',
    why: 'starts that cross the slots frame are sent twice as many',
    file: `${SERVER}/session/start-credit.ts`,
    find: 'return this.#slots.free - this.#underWay.length;',
    replace: 'return this.#slots.free;',
    breaks: 'credit',
    seed: 21,
    histories: 240,
  },
  {
    name: 'creates without a session',
    why: 'an instance that lost its connection goes on creating beside its successor',
    file: `${DISPATCH}/dispatcher.ts`,
    find: 'deactivate: (reason) => leave(rooms, reason),',
    replace: 'deactivate: () => undefined,',
    breaks: 'created unasked',
    seed: 21,
    histories: 240,
  },
  {
    name: 'absent of another scope counts as lost',
    why: 'an agent that looks elsewhere makes runs lost that go on',
    file: `${SERVER}/reduce-run.ts`,
    find: '!levelAccepted || row.scopeId !== evidence.scopeId || row',
    replace: '!levelAccepted || row',
    breaks: 'closed in error',
    seed: 21,
    histories: 240,
  },
  {
    name: 'accepted by mere observation',
    why: 'a half-made workload never gets the start that completes it',
    file: `${SERVER}/reduce-run.ts`,
    find: 'const seen = withWorkload(open, observation, open.accepted ? scopeId : open.scopeId);',
    replace: 'const seen = { ...withWorkload(open, observation, scopeId), accepted: true };',
    breaks: 'accepted unasked',
    seed: 21,
    histories: 240,
  },
  {
    name: 'recorded before it is stored',
    why: 'an outcome is forgotten by the agent although the store never got it',
    file: `${SERVER}/duty.ts`,
    find: 'const row = await this.#writer.apply(runId, evidence);\n    if',
    replace:
      "if (saysEnded(evidence)) connection.tell({ type: 'recorded', runIds: [runId] }); const row = await this.#writer.apply(runId, evidence);\n    if",
    breaks: 'recorded too early',
    seed: 21,
    histories: 240,
  },
  {
    name: 'start sent before the report',
    why: 'starts are sent before anybody knows what stands',
    file: `${SERVER}/offers.ts`,
    find: 'if (!this.#open) return;',
    replace: '',
    breaks: 'level first',
    seed: 21,
    histories: 240,
  },
  {
    name: 'ended outcome reported once',
    why: 'agents keep outcomes for ever that came with a report',
    file: `${SERVER}/duty.ts`,
    find: 'if (saysEnded(evidence) && isClosed(row)) recorded.push(row.runId);',
    replace: '',
    breaks: 'memory',
    seed: 21,
    histories: 240,
  },
];
