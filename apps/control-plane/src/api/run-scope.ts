import { RunnerError } from '@runner/core';
import type { Principal } from '../auth/index.ts';
import { objectOf } from '../openmetadata/json.ts';
import type { Entity, RunRow, Store } from '../store/ports.ts';

/** What a workload asks for: everything named must belong to its run. */
export interface RunScope {
  readonly runId?: string;
  readonly pipeline?: Entity;
  readonly service?: Entity;
  readonly workflow?: Entity;
  readonly app?: Entity;
}

/** Whether this token speaks for a workload. */
export function isWorkload(principal: Principal): boolean {
  return principal.role === 'run' || principal.role === 'exitStep';
}

/** For lists and searches: a workload has nothing to look for. */
export function refuseWorkload(principal: Principal): void {
  if (isWorkload(principal)) throw foreign();
}

/**
 * Lets a workload reach only what belongs to its own run (decisions.md 9). For everybody else the role has decided
 * already.
 */
export async function requireOwn(store: Store, principal: Principal, scope: RunScope): Promise<void> {
  if (!isWorkload(principal)) return;
  const { runId, pipeline, service, workflow, app } = scope;
  const row = await store.runs.get(principal.runId ?? '');
  if (row === undefined) throw foreign();
  if (runId !== undefined && runId !== principal.runId) throw foreign();
  for (const entity of [pipeline, workflow]) {
    if (entity !== undefined && entity.id !== row.entityId) throw foreign();
  }
  if (app !== undefined && app.id !== row.entityId && !runsAs(app, row.entityId)) throw foreign();
  if (service !== undefined && !(await isOwnService(store, row, service))) throw foreign();
}

async function isOwnService(store: Store, row: RunRow, service: Entity): Promise<boolean> {
  if (row.kind === 'automation') {
    const workflow = await store.entities.byId('automationWorkflow', row.entityId);
    return objectOf(workflow?.json['request'])['serviceName'] === service.name;
  }
  const pipeline = await store.entities.byId('ingestionPipeline', row.entityId);
  return objectOf(pipeline?.json['service'])['id'] === service.id;
}

/** An application may run through a pipeline of its own. */
function runsAs(app: Entity, pipelineId: string): boolean {
  const { pipelines } = app.json;
  return Array.isArray(pipelines) && pipelines.some((reference) => objectOf(reference)['id'] === pipelineId);
}

function foreign(): RunnerError {
  return new RunnerError('forbidden', 'the token of a run reaches only what belongs to that run');
}
