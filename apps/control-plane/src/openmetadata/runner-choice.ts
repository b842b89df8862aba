import { RunnerError } from '@runner/core';
import type { JsonObject, RunnerRow, RunnerStore } from '../store/ports.ts';
import { isObject, stringOf } from './json.ts';

/** The runner of services that name none. It is usable once an agent with this id has been there. */
export const DEFAULT_RUNNER = { name: 'SaaSRunner', displayName: 'SaaS Runner' } as const;

/** The runner a reference names: by id, and by name when that id is gone (a runner that was made anew). */
export async function findRunner(runners: RunnerStore, reference: unknown): Promise<RunnerRow | undefined> {
  if (typeof reference === 'string') return runners.byName(reference);
  if (!isObject(reference)) return undefined;
  const id = stringOf(reference['id']);
  const name = stringOf(reference['name']) ?? stringOf(reference['fullyQualifiedName']);
  const byId = id === undefined ? undefined : await runners.byId(id);
  return byId ?? (name === undefined ? undefined : runners.byName(name));
}

/**
 * The runner that runs something, or `no_usable_runner`. Usable = registered and not revoked: an Inactive runner keeps
 * the run queued. The default entry counts as registered once an agent has served it.
 * @param references in order of precedence: a pipeline follows its service, an application has its own
 */
export async function usableRunner(runners: RunnerStore, references: readonly unknown[]): Promise<RunnerRow> {
  const reference = references.find((candidate) => candidate !== undefined && candidate !== null);
  const runner =
    reference === undefined ? await runners.byName(DEFAULT_RUNNER.name) : await findRunner(runners, reference);
  if (runner === undefined) {
    throw unusable('the ingestion runner of this service does not exist any more', 'choose another one on the service');
  }
  if (runner.revoked)
    throw unusable(`the ingestion runner ${runner.name} was revoked`, 'choose another one, or rotate its token');
  if (runner.kind === 'saas' && runner.lastSeenAt === undefined && !runner.active) {
    throw unusable(
      `no agent has ever served the default runner ${runner.name}`,
      `choose a hybrid runner on the service, or start an agent with AGENT_ID=${runner.name}`,
    );
  }
  return runner;
}

function unusable(message: string, hint: string): RunnerError {
  return new RunnerError('no_usable_runner', message, { hint });
}

/** How a runner is named in other entities. */
export function runnerReference(runner: RunnerRow): JsonObject {
  return {
    id: runner.id,
    type: 'ingestionRunner',
    name: runner.name,
    fullyQualifiedName: runner.name,
    ...(runner.displayName === undefined ? {} : { displayName: runner.displayName }),
    deleted: false,
  };
}

/** The secrets manager the runner's agent last reported; unknown before it was ever connected. */
export function secretsManagerOf(runner: RunnerRow): string | undefined {
  return stringOf(runner.info?.['secretsManager']);
}

/** Why a test connection fails at once: somebody is waiting for it, and nobody is there to run it. */
export function runnerInactive(runner: RunnerRow): RunnerError {
  return new RunnerError('runner_inactive', `The ingestion runner ${runner.name} is Inactive`, {
    hint: 'Start its agent and check its token, then test again',
  });
}
