import type { WireDiagnosis } from '@runner/protocol';
import type { RunRecord, RunState } from '@runner/protocol/server';
import { reduceRun } from '@runner/protocol/server';
import type { TestApi } from './api.ts';

/** What a runner's agent would make of a run, through the same reducer that the bridge uses. */
export interface RunLife {
  /** The start was sent and the workload exists. */
  accepted(): Promise<void>;
  /** It exists and does not get on. */
  stuck(diagnosis: WireDiagnosis): Promise<void>;
  /** The agent says that it will end it. */
  ending(reason: 'start_deadline' | 'permanent_failure', diagnosis: WireDiagnosis): Promise<void>;
  running(): Promise<void>;
  ended(outcome: { exitCode: number; logTail?: string; result?: 'succeeded' | 'failed' | 'cancelled' }): Promise<void>;
  /** It was ended before its program began. */
  stopped(diagnosis?: WireDiagnosis): Promise<void>;
  /** Proven to be gone, without a trace. */
  gone(): Promise<void>;
  refused(code: string, message: string): Promise<void>;
  state(): Promise<RunState>;
}

type Evidence = Parameters<typeof reduceRun>[1];

export function runLife(api: TestApi, runId: string): RunLife {
  const now = (): number => api.clock.now();
  const base = {
    presence: 'present',
    runId,
    workload: { kind: 'process', name: 'w', uid: 'u' },
    pipelineType: 'metadata',
  };
  const say = async (evidence: object): Promise<void> => {
    await api.store.runs.update(runId, ({ record }) =>
      reduceRun(record, evidence as Evidence, { now: now(), agentId: record.agentId }),
    );
  };
  const observe = (part: object): Promise<void> =>
    say({ kind: 'observed', scopeId: 'scope', observation: { ...base, observedAt: now(), ...part } });
  return {
    accepted: async () => {
      await api.store.runs.update(runId, ({ record }) => ({ ...record, offered: true }) satisfies RunRecord);
      const observation = { ...base, observedAt: now(), phase: 'pending' };
      await say({ kind: 'accepted', created: true, scopeId: 'scope', observation });
    },
    stuck: (diagnosis) => observe({ phase: 'pending', diagnosis }),
    ending: (reason, diagnosis) => say({ kind: 'ending', reason, diagnosis }),
    running: () => observe({ phase: 'running', startedAt: now() }),
    ended: ({ exitCode, logTail, result = exitCode === 0 ? 'succeeded' : 'failed' }) =>
      observe({
        phase: 'ended',
        endedAt: now(),
        outcome: {
          result,
          exitCode,
          ...(logTail === undefined ? {} : { logTail }),
          ...(exitCode === 0
            ? {}
            : {
                diagnosis: {
                  category: 'program',
                  code: 'program_failed',
                  message: `The program ended with exit code ${exitCode}.`,
                  permanent: true,
                },
              }),
        },
      }),
    stopped: (diagnosis) =>
      observe({
        phase: 'ended',
        endedAt: now(),
        outcome: { result: 'failed', ...(diagnosis === undefined ? {} : { diagnosis }) },
      }),
    gone: () =>
      say({ kind: 'observed', scopeId: 'scope', observation: { presence: 'absent', runId, observedAt: now() } }),
    refused: (code, message) => say({ kind: 'refused', code, message }),
    state: async () => (await api.store.runs.get(runId))?.record.state ?? 'lost',
  };
}
