import { createHash } from 'node:crypto';
import type { Executor, ExecutorScope, Observation, WorkloadOwner } from '@runner/executor';
import { freshAtOf, observation, operation } from '@runner/kube/runs';
import { discardRun } from './discarding.ts';
import { endRun } from './ending.ts';
import { logsOfRun } from './logs.ts';
import { look, readOwner } from './looking.ts';
import { judge } from './observation.ts';
import type { K8sExecutorOptions } from './options.ts';
import type { K8sParts } from './parts.ts';
import { k8sParts, operationParts } from './parts.ts';
import { k8sPreflight } from './preflight.ts';
import { runProbe } from './probing.ts';
import { submitRun } from './submitting.ts';
import { sweepConfigs, sweepRegularly } from './sweep.ts';
import { watchJobs } from './watch.ts';

/** Runs ingestion as Jobs of one namespace. */
export interface K8sExecutor extends Executor {
  /**
   * Removes Secrets and ConfigMaps of this owner's runs whose Job is gone. A watch does it at its beginning and every hour.
   * Returns how many went.
   */
  sweep(owner: WorkloadOwner, signal: AbortSignal): Promise<number>;
}

/** The API client is the caller's: closing the executor leaves it open. */
export function createK8sExecutor(options: K8sExecutorOptions): K8sExecutor {
  const closing = new AbortController();
  const parts = k8sParts(options, closing.signal);
  const scope = scopeOf(parts);
  const asked = operationParts(parts);

  return {
    kind: 'k8s',
    scope: (signal) => operation(asked, 'scope', signal, () => Promise.resolve(scope)),
    preflight: (signal) => operation(asked, 'preflight', signal, (s) => k8sPreflight(parts, s)),
    probe: (probe, signal) => operation(asked, 'probe', signal, (s) => runProbe(parts, probe, s)),
    submit: (spec, signal) => operation(asked, 'submit', signal, (s) => submitRun(parts, spec, s)),
    end: (runId, intent, signal) => operation(asked, 'end', signal, (s) => endRun(parts, runId, intent, s)),
    observe: (runId, signal) => observation(asked, runId, signal, (s) => look(parts, runId, s)),
    list: (owner, signal) =>
      operation(asked, 'list', signal, async (s) => ({ observations: await listRuns(parts, owner, s), fresh: true })),
    watch: async (owner, onObservation, signal) => {
      const over = new AbortController();
      const until = AbortSignal.any([signal, closing.signal, over.signal]);
      if (until.aborted) return;
      const sweeping = sweepRegularly(parts, owner, until);
      try {
        await watchJobs(parts, owner, onObservation, until);
      } finally {
        over.abort();
        await sweeping;
      }
    },
    freshAt: () => freshAtOf(parts.caches),
    logs: (runId, log) => logsOfRun(parts, runId, log),
    discard: (runId, signal) => operation(asked, 'discard', signal, (s) => discardRun(parts, runId, s)),
    sweep: (owner, signal) => operation(asked, 'sweep', signal, (s) => sweepConfigs(parts, owner, s)),
    close: async () => {
      closing.abort();
      await Promise.resolve();
    },
  };
}

function scopeOf({ api, namespace }: K8sParts): ExecutorScope {
  const { clusterId, server } = api.place;
  return {
    id: createHash('sha256')
      .update(JSON.stringify([clusterId, namespace, 'k8s']))
      .digest('hex'),
    description: `namespace ${namespace} of the cluster at ${server}`,
  };
}

/** All runs, without the ends of the logs of failures: a list of a week's failures has no room for them. */
async function listRuns(parts: K8sParts, owner: WorkloadOwner, signal: AbortSignal): Promise<readonly Observation[]> {
  const sights = await readOwner(parts, owner, signal);
  return sights.map((sight) => judge(sight, parts.context())).filter(({ presence }) => presence !== 'absent');
}
