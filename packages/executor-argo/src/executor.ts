import { createHash } from 'node:crypto';
import type { Executor, ExecutorScope, ListResult, WorkloadOwner } from '@runner/executor';
import { freshAtOf, observation, operation } from '@runner/kube/runs';
import { discardRun } from './discarding.ts';
import { endRun } from './ending.ts';
import { logsOfRun } from './logs.ts';
import { look, readOwner } from './looking.ts';
import { judge } from './observation.ts';
import type { ArgoExecutorOptions } from './options.ts';
import type { ArgoParts } from './parts.ts';
import { argoParts, operationParts } from './parts.ts';
import { argoPreflight } from './preflight.ts';
import { runProbe } from './probing.ts';
import { submitRun } from './submitting.ts';
import { watchWorkflows } from './watch.ts';

/** Runs ingestion as Argo Workflows of one namespace. The clients are the caller's: closing the executor leaves them open. */
export function createArgoExecutor(options: ArgoExecutorOptions): Executor {
  const closing = new AbortController();
  const parts = argoParts(options, closing.signal);
  const scope = scopeOf(parts);
  const asked = operationParts(parts);

  return {
    kind: 'argo',
    scope: (signal) => operation(asked, 'scope', signal, () => Promise.resolve(scope)),
    preflight: (signal) => operation(asked, 'preflight', signal, (s) => argoPreflight(parts, s)),
    probe: (probe, signal) => operation(asked, 'probe', signal, (s) => runProbe(parts, probe, s)),
    submit: (spec, signal) => operation(asked, 'submit', signal, (s) => submitRun(parts, spec, s)),
    end: (runId, intent, signal) => operation(asked, 'end', signal, (s) => endRun(parts, runId, intent, s)),
    observe: (runId, signal) => observation(asked, runId, signal, (s) => look(parts, runId, s)),
    list: (owner, signal) => operation(asked, 'list', signal, (s) => listRuns(parts, owner, s)),
    watch: async (owner, onObservation, signal) => {
      const until = AbortSignal.any([signal, closing.signal]);
      if (!until.aborted) await watchWorkflows(parts, owner, onObservation, until);
    },
    freshAt: () => freshAtOf(parts.caches),
    logs: (runId, log) => logsOfRun(parts, runId, log),
    discard: (runId, signal) => operation(asked, 'discard', signal, (s) => discardRun(parts, runId, s)),
    close: async () => {
      closing.abort();
      await Promise.resolve();
    },
  };
}

function scopeOf({ argo, namespace }: ArgoParts): ExecutorScope {
  const { id, description } = argo.place;
  return {
    id: createHash('sha256')
      .update(JSON.stringify([id, namespace, 'argo']))
      .digest('hex'),
    description: `namespace ${namespace} of ${description}`,
  };
}

/** All runs, without the ends of the logs of failures: a list of a week's failures has no room for them. */
async function listRuns(parts: ArgoParts, owner: WorkloadOwner, signal: AbortSignal): Promise<ListResult> {
  const sights = await readOwner(parts, owner, signal);
  const observations = sights
    .map((sight) => judge(sight, parts.context()))
    .filter(({ presence }) => presence !== 'absent');
  return { observations, fresh: parts.argo.listsAreFresh };
}
