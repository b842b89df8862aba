import type { Logger } from '@runner/core';
import { RunnerError } from '@runner/core';
import type { RunStart } from '@runner/protocol/server';
import type { Entity, EntityKind, JsonObject, RunnerRow, Store } from '../store/ports.ts';
import {
  UNDESCRIBED,
  connectionConfigOf,
  requireUsable,
  travelling,
  travellingBesideConnection,
} from './connection-check.ts';
import type { PlaintextMode } from './connection-check.ts';
import { isObject, numberOf, objectOf, stringOf } from './json.ts';
import { secretsManagerOf, usableRunner } from './runner-choice.ts';
import { SERVICE_KINDS } from './service-kinds.ts';
import { buildAppConfig, buildAutomationConfig, buildWorkflowConfig } from './workflow-config.ts';
import type { ServerConnection } from './workflow-config.ts';

/** Everything about a run that is known before it has an id. */
export interface RunPlan {
  readonly kind: RunStart['kind'];
  readonly pipelineType: string;
  readonly entityId: string;
  readonly name: string;
  readonly fqn: string;
  readonly runner: RunnerRow;
  /** How many open runs there may be at once. */
  readonly concurrency: number;
  /** The entity's own; otherwise the configured default. */
  readonly deadlineSeconds?: number;
  readonly deadlineCap?: number;
  /** For the agent's own checks: references only. */
  readonly connection?: { readonly type: string; readonly value: NonNullable<RunStart['connection']>['value'] };
  config(runId: string, server: ServerConnection, override?: JsonObject): JsonObject;
}

export interface PlanDeps {
  readonly store: Pick<Store, 'entities' | 'runners'>;
  readonly logger: Logger;
  readonly mode: PlaintextMode;
}

/** A test connection that takes longer than this has hung. */
const AUTOMATION_DEADLINE_SECONDS = 600;
/** The longest deadline the wire carries: a year. */
const LONGEST_DEADLINE_SECONDS = 31_536_000;

export async function planPipeline(deps: PlanDeps, entity: Entity): Promise<RunPlan> {
  const pipeline = { ...entity.json, fullyQualifiedName: entity.fqn };
  const pipelineType = stringOf(entity.json['pipelineType']) ?? '';
  const application = pipelineType === 'application';
  const service = application ? undefined : await serviceOf(deps, entity.json);
  const own = entity.json['ingestionRunner'];
  const runner = await usableRunner(deps.store.runners, application ? [own] : [service?.['ingestionRunner'], own]);
  requireReferences(deps, runner, entity.json['sourceConfig'], UNDESCRIBED, '/sourceConfig');
  const airflow = objectOf(entity.json['airflowConfig']);
  const timeout = numberOf(airflow['workflowTimeout']);
  return {
    kind: application ? 'application' : 'pipeline',
    pipelineType,
    entityId: entity.id,
    name: entity.name,
    fqn: entity.fqn,
    runner,
    concurrency: Math.max(1, Math.floor(numberOf(airflow['concurrency']) ?? 1)),
    ...(timeout === undefined || timeout < 1
      ? {}
      : { deadlineSeconds: Math.min(Math.floor(timeout), LONGEST_DEADLINE_SECONDS) }),
    ...connectionPart(deps, runner, connectionConfigOf(service ?? {}), stringOf(service?.['serviceType'])),
    config: (runId, server, override) =>
      buildWorkflowConfig({
        pipeline,
        service,
        runId,
        server,
        runnerName: runner.name,
        ...(override === undefined ? {} : { configOverride: override }),
      }),
  };
}

export async function planAutomation(deps: PlanDeps, entity: Entity): Promise<RunPlan> {
  const request = objectOf(entity.json['request']);
  const runner = await usableRunner(deps.store.runners, [request['ingestionRunner']]);
  const config = objectOf(request['connection'])['config'];
  requireReferences(deps, runner, travellingBesideConnection(entity.json), UNDESCRIBED, '');
  return {
    kind: 'automation',
    pipelineType: 'automation',
    entityId: entity.id,
    name: entity.name,
    fqn: entity.fqn,
    runner,
    concurrency: 1,
    deadlineCap: AUTOMATION_DEADLINE_SECONDS,
    ...connectionPart(deps, runner, config, stringOf(request['connectionType']), '/request/connection/config'),
    config: (_runId, server) => buildAutomationConfig(identified(entity), server),
  };
}

/** The plan of an application, or the id of the pipeline that it runs as. */
export async function planApp(deps: PlanDeps, entity: Entity): Promise<RunPlan | string> {
  const { pipelines } = entity.json;
  const [first] = Array.isArray(pipelines) ? (pipelines as readonly unknown[]) : [];
  const pipelineId = isObject(first) ? stringOf(first['id']) : undefined;
  if (pipelineId !== undefined) return pipelineId;
  const runner = await usableRunner(deps.store.runners, [entity.json['ingestionRunner']]);
  requireReferences(deps, runner, travelling(entity.json), UNDESCRIBED, '');
  return {
    kind: 'application',
    pipelineType: 'application',
    entityId: entity.id,
    name: entity.name,
    fqn: entity.fqn,
    runner,
    concurrency: 1,
    config: (runId, server, configOverride) => buildAppConfig(identified(entity), { runId, server, configOverride }),
  };
}

/** The document as its own workload knows it: by id and name, which are kept beside it in the store. */
function identified({ id, name, fqn, json }: Entity): JsonObject {
  return { ...json, id, name, fullyQualifiedName: fqn };
}

async function serviceOf(deps: PlanDeps, pipeline: JsonObject): Promise<JsonObject> {
  const reference = objectOf(pipeline['service']);
  const kind = SERVICE_KINDS.find((candidate) => candidate === reference['type']);
  const service = kind === undefined ? undefined : await findEntity(deps, kind, reference);
  if (service === undefined || service.json['deleted'] === true) {
    throw new RunnerError('invalid_pipeline', 'the service of this pipeline does not exist any more', {
      hint: 'create the service again under the same name, or delete the pipeline',
    });
  }
  return { ...service.json, name: service.name };
}

async function findEntity(deps: PlanDeps, kind: EntityKind, reference: JsonObject): Promise<Entity | undefined> {
  const id = stringOf(reference['id']);
  return id === undefined ? undefined : deps.store.entities.byId(kind, id);
}

/** Refuses what must not travel; what goes along is for the agent's own checks. The default runner's side keeps plain text. */
function connectionPart(
  deps: PlanDeps,
  runner: RunnerRow,
  config: unknown,
  type: string | undefined,
  at = '/connection/config',
): Pick<RunPlan, 'connection'> {
  if (!isObject(config) || runner.kind !== 'hybrid') return {};
  const described = type ?? UNDESCRIBED;
  requireReferences(deps, runner, config, described, at);
  return { connection: { type: described, value: config as NonNullable<RunStart['connection']>['value'] } };
}

/** Refuses what must not travel to a hybrid runner: `plaintext_secret`, `secret_reference_invalid`. */
export function requireReferences(
  deps: Pick<PlanDeps, 'logger' | 'mode'>,
  runner: RunnerRow,
  config: unknown,
  type: string,
  at: string,
): void {
  if (runner.kind !== 'hybrid') return;
  requireUsable({ config, type, at, secretsManager: secretsManagerOf(runner), mode: deps.mode }, deps.logger);
}
