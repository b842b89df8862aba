import type { AgentMessage, ControlMessage } from '../messages.ts';
import {
  sampleAbsent,
  sampleDiagnosis,
  sampleEnded,
  sampleHello,
  samplePresent,
  sampleRunId,
  sampleSlots,
  sampleStart,
  sampleUnknown,
  sampleWelcome,
} from './samples.ts';

const runId = sampleRunId();
const epoch = 1;
const levelId = 'level-1';
const streamId = 'log-1';

/** One valid frame of each type an agent sends. */
export const AGENT_SAMPLES: { readonly [T in AgentMessage['type']]: Extract<AgentMessage, { type: T }> } = {
  hello: sampleHello(),
  ping: { type: 'ping', n: 1 },
  pong: { type: 'pong', n: 1 },
  accepted: { type: 'accepted', epoch, runId, created: true, observation: samplePresent({ phase: 'pending' }) },
  refused: { type: 'refused', epoch, runId, code: 'policy', message: 'This agent does not run such pipelines.' },
  waiting: { type: 'waiting', epoch, runId, code: 'no_slot', message: 'All slots are taken.', hint: 'Wait.' },
  cancelled: { type: 'cancelled', epoch, runId },
  observed: { type: 'observed', epoch, observation: sampleEnded() },
  ending: { type: 'ending', epoch, runId, reason: 'permanent_failure', diagnosis: sampleDiagnosis() },
  'report.begin': { type: 'report.begin', epoch, levelId },
  'report.page': {
    type: 'report.page',
    epoch,
    levelId,
    observations: [samplePresent(), sampleAbsent(sampleRunId(2)), sampleUnknown(sampleRunId(3))],
  },
  'report.end': { type: 'report.end', epoch, levelId, total: 3 },
  slots: { type: 'slots', slots: sampleSlots({ free: 9, startsSeen: 1, types: { profiler: { total: 2, free: 2 } } }) },
  draining: { type: 'draining' },
  'log.chunk': { type: 'log.chunk', streamId, runId, rawFrom: 0, rawTo: 6, data: 'hello\n' },
  'log.gap': { type: 'log.gap', streamId, runId, rawFrom: 6, rawTo: 100 },
  'log.end': { type: 'log.end', streamId, runId, rawTo: 100, reason: 'complete' },
  'secrets.checked': {
    type: 'secrets.checked',
    checkId: 'check-1',
    results: [{ reference: 'secret:shop-db', ok: true, warnings: [] }],
  },
};

/** One valid frame of each type a control plane sends. */
export const CONTROL_SAMPLES: { readonly [T in ControlMessage['type']]: Extract<ControlMessage, { type: T }> } = {
  welcome: sampleWelcome(),
  ping: { type: 'ping', n: 1 },
  pong: { type: 'pong', n: 1 },
  role: { type: 'role', role: 'active', epoch: 2 },
  'level.begin': { type: 'level.begin', epoch, levelId },
  'level.page': { type: 'level.page', epoch, levelId, runs: [{ runId, want: 'run', accepted: true }] },
  'level.end': { type: 'level.end', epoch, levelId, total: 1 },
  start: { type: 'start', epoch, run: sampleStart() },
  cancel: { type: 'cancel', epoch, runId, reason: 'Killed by a user.' },
  'ending.ack': { type: 'ending.ack', epoch, runId },
  recorded: { type: 'recorded', epoch, runIds: [runId] },
  discard: { type: 'discard', epoch, runId },
  'log.open': { type: 'log.open', streamId, runId, fromByte: 0, follow: true, credit: 262_144 },
  'log.credit': { type: 'log.credit', streamId, bytes: 65_536 },
  'log.close': { type: 'log.close', streamId },
  'secrets.check': { type: 'secrets.check', checkId: 'check-1', references: ['secret:shop-db'] },
};
