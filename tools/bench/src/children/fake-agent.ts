import { createAgent } from '@runner/agent/agent';
import { systemClock, systemRandom } from '@runner/core';
import { fakeExecutor, testRunSpec } from '@runner/executor/testing';
import { dialWebSocket } from '@runner/protocol/ws';
import { runIdOf } from '../benches/frames.ts';
import type { OwnMemory } from '../measure/memory.ts';
import { collectedMemory } from '../measure/memory.ts';
import { serve } from '../measure/questions.ts';

/** The agent with an executor in memory. */
export interface FakeAgent {
  connect(options: { readonly url: string; readonly agentId: string }): void;
  /** From now on runs end as soon as they were begun; those that run end now. */
  endRuns(): void;
  collectedMemory(): Promise<OwnMemory>;
  /** Bytes of heap that the executor in memory itself keeps of one run that was made, ended and discarded. */
  keptByExecutor(runs: number): Promise<number>;
}

const MOST_RUNS = 2_000;

const clock = systemClock({ keepAlive: true });
const executor = fakeExecutor({ clock });
const { place } = executor;

serve<FakeAgent>({
  connect: ({ url, agentId }) =>
    createAgent({
      agentId,
      version: '0.0.0',
      executor,
      secretsManager: 'none',
      dial: dialWebSocket({ url, token: () => 'bench' }),
      limits: { total: MOST_RUNS },
      startDeadlineSeconds: () => Infinity,
      clock,
      random: systemRandom(),
    }).start(),
  endRuns: () => {
    place.port.onChange((runId) => {
      const seen = place.look(runId);
      if (seen.presence === 'present' && seen.phase === 'running') queueMicrotask(() => place.succeed(runId));
    });
    for (const runId of place.runIds()) place.succeed(runId);
  },
  collectedMemory,
  keptByExecutor: async (runs) => {
    const other = fakeExecutor({ clock });
    const { signal } = new AbortController();
    const before = await collectedMemory();
    for (let n = 0; n < runs; n += 1) {
      const spec = testRunSpec({ runId: runIdOf(1_000_000 + n) });
      await other.submit(spec, signal);
      other.place.succeed(spec.runId);
      await other.discard(spec.runId, signal);
    }
    const after = await collectedMemory();
    await other.close();
    return (after.heapUsed - before.heapUsed) / runs;
  },
});
