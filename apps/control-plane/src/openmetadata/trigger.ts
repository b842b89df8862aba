import type { Clock, LogContext, Logger, Random } from '@runner/core';
import { RunnerError } from '@runner/core';
import type { RunStart } from '@runner/protocol/server';
import { abandon, requestCancel } from '@runner/protocol/server';
import type { Auth } from '../auth/index.ts';
import type { Entity, EntityKind, JsonObject, NewRun, RunRow, Store } from '../store/ports.ts';
import { beginAutomation, failAutomation } from './automation-entity.ts';
import { planApp, planAutomation, planPipeline, requireReferences } from './plans.ts';
import type { PlanDeps, RunPlan } from './plans.ts';
import { UNDESCRIBED } from './connection-check.ts';
import type { PlaintextMode } from './connection-check.ts';
import { queuedStatus } from './pipeline-status.ts';
import { runnerInactive } from './runner-choice.ts';
import { exitTokenPlace, reportsHere, runTokenPlace } from './run-token-place.ts';
import type { RunTokenClaim } from './run-token-place.ts';
import { checkStart } from './start-frame.ts';
import { traceIdOf, traceparentFor } from './trace-context.ts';

/** What triggering needs of the configuration. */
export interface TriggerConfig {
  /** Base URL that workloads reach. */
  readonly publicUrl: string;
  readonly openMetadataVersion?: string;
  readonly runDeadlineSeconds: number;
  readonly plaintextSecrets: PlaintextMode;
}

export interface TriggerOptions {
  readonly trigger: 'manual' | 'schedule' | 'retry' | 'api';
  readonly createdBy: string;
  /** Scheduled slot, epoch milliseconds. */
  readonly slot?: number;
  readonly retryOf?: string;
  /** Default 1. */
  readonly attempt?: number;
  /**
   * Default: a new one. With an id derived from what is triggered (a slot, a failed run), triggering twice ends in
   * `already_exists` instead of two runs.
   */
  readonly runId?: string;
  /** For applications: merged over `appConfig`. */
  readonly configOverride?: JsonObject;
  /** W3C trace context of whoever asks, unchecked as it came. Default, and when it is none: a new trace. */
  readonly traceparent?: unknown;
}

export interface Trigger {
  /**
   * Makes a run and lets its runner know. Rejects with `not_found`, `run_in_progress` (details.runId),
   * `no_usable_runner`, `plaintext_secret`, `secret_reference_invalid`, `config_too_large`, `invalid_pipeline`,
   * `pipeline_type_unsupported`.
   */
  triggerPipeline(id: string, options: TriggerOptions): Promise<RunRow>;
  /** The same for a test connection; on an Inactive runner it fails at once with `runner_inactive`. */
  triggerAutomation(id: string, options: TriggerOptions): Promise<RunRow>;
  /** The same for an application: through its pipeline when it has one. */
  triggerApp(id: string, options: TriggerOptions): Promise<RunRow>;
  /** Everything that triggering checks, without making a run. */
  checkPipeline(id: string): Promise<void>;
  /** Asks every open run of this entity to end. Returns their ids; killing again changes nothing. */
  kill(entityId: string, options?: KillOptions): Promise<readonly string[]>;
  killRun(runId: string, options?: KillOptions): Promise<RunRow>;
}

export interface KillOptions {
  /** Close the rows now as failed `abandoned`, whatever becomes of the workloads. */
  readonly force?: boolean;
}

export interface TriggerDeps {
  readonly store: Store;
  readonly auth: Auth;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly config: TriggerConfig;
}

export function createTrigger(deps: TriggerDeps): Trigger {
  const { store, clock } = deps;
  const planning: PlanDeps = { store, logger: deps.logger, mode: deps.config.plaintextSecrets };

  const pipeline = async (id: string, options: TriggerOptions): Promise<RunRow> => {
    const plan = living(store, 'ingestionPipeline', id).then((entity) => planPipeline(planning, entity));
    const row = await makeRun(deps, plan, options);
    await store.statuses.update(row.entityFqn, row.record.runId, (status) =>
      status === undefined ? queuedStatus(row.record) : undefined,
    );
    return row;
  };

  const automation = async (id: string, options: TriggerOptions): Promise<RunRow> => {
    const entity = await living(store, 'automationWorkflow', id);
    const plan = await planAutomation(planning, entity);
    if (!plan.runner.active) {
      const error = runnerInactive(plan.runner);
      await failAutomation(store, id, `${error.message}. ${error.hint ?? ''}`.trim(), clock.now());
      throw error;
    }
    const row = await makeRun(deps, Promise.resolve(plan), options);
    await beginAutomation(store, id);
    return row;
  };

  const app = async (id: string, options: TriggerOptions): Promise<RunRow> => {
    const entity = await living(store, 'app', id);
    const plan = await planApp(planning, entity);
    return typeof plan === 'string' ? pipeline(plan, options) : makeRun(deps, Promise.resolve(plan), options);
  };

  const killRun = (runId: string, options: KillOptions = {}): Promise<RunRow> =>
    store.runs.update(runId, ({ record }) => {
      const asked = requestCancel(record, clock.now());
      return options.force === true ? (abandon(asked ?? record, clock.now()) ?? asked) : asked;
    });

  return {
    triggerPipeline: pipeline,
    triggerAutomation: automation,
    triggerApp: app,
    checkPipeline: async (id) => {
      const plan = await planPipeline(planning, await living(store, 'ingestionPipeline', id));
      const server = { hostPort: `${deps.config.publicUrl}/api`, jwtToken: '' };
      checkStart(startOf(deps, plan, deps.random.uuid(), plan.config(deps.random.uuid(), server)));
    },
    kill: async (entityId, options) => {
      const open = await store.runs.openOfEntity(entityId);
      const killed: string[] = [];
      for (const { record } of open) killed.push((await killRun(record.runId, options)).record.runId);
      return killed;
    },
    killRun,
  };
}

/** The entity, unless it is on its way out. */
async function living(store: Store, kind: EntityKind, id: string): Promise<Entity> {
  const entity = await store.entities.byId(kind, id);
  if (entity === undefined || entity.json['deleted'] === true) {
    throw new RunnerError('not_found', `there is no ${kind} with this id`, { details: { id } });
  }
  return entity;
}

async function makeRun(deps: TriggerDeps, planned: Promise<RunPlan>, options: TriggerOptions): Promise<RunRow> {
  const { store, auth, clock, random, config } = deps;
  const runId = options.runId ?? random.uuid();
  const [runTokenId, exitTokenId] = [random.uuid(), random.uuid()];
  const claim = { tokenId: runTokenId, issuedAt: clock.now() };
  // Signing takes about as long as reading what the plan is made of.
  const [plan, jwtToken] = await Promise.all([planned, auth.runToken({ role: 'run', runId, ...claim })]);
  const {
    logger,
    config: { plaintextSecrets: mode },
  } = deps;
  requireReferences({ logger, mode }, plan.runner, options.configOverride, UNDESCRIBED, '');
  const bodyWith = (token: string): JsonObject =>
    plan.config(runId, { hostPort: `${config.publicUrl}/api`, jwtToken: token }, options.configOverride);
  checkStart(startOf(deps, plan, runId, bodyWith(jwtToken)));
  // The tokens themselves are not stored.
  const body = bodyWith(runTokenPlace(claim));
  const start = {
    ...startOf(deps, plan, runId, body),
    ...exitTokenPart(plan, reportsHere(body, claim), { tokenId: exitTokenId, issuedAt: claim.issuedAt }),
    priority: priorityOf(plan.kind, options.trigger),
    // Stored with the start, so that one that is sent again is in the same trace.
    traceparent: traceparentFor(options.traceparent, random),
  };
  const run: NewRun = {
    record: {
      runId,
      agentId: plan.runner.name,
      state: 'queued',
      want: 'run',
      offered: false,
      accepted: false,
      writtenBy: 'controlPlane',
      priority: start.priority,
      pipelineType: plan.pipelineType,
      queuedAt: claim.issuedAt,
      deadlineSeconds: start.deadlineSeconds,
    },
    kind: plan.kind,
    entityId: plan.entityId,
    entityFqn: plan.fqn,
    start,
    trigger: options.trigger,
    attempt: options.attempt ?? 1,
    createdBy: options.createdBy,
    runTokenId,
    exitTokenId,
    concurrency: plan.concurrency,
    ...(options.slot === undefined ? {} : { slot: options.slot }),
    ...(options.retryOf === undefined ? {} : { retryOf: options.retryOf }),
  };
  const row = await store.runs.create(run);
  logger.info('a run is triggered', aboutRun(row));
  return row;
}

function aboutRun({ record, entityFqn, start, trigger }: RunRow): LogContext {
  const { runId, agentId: runner } = record;
  return { runId, pipeline: entityFqn, traceId: traceIdOf(start.traceparent), runner, trigger };
}

/**
 * Only what runs as a pipeline has an exit step that says something. A pipeline with a server of its own has the exit step
 * speak to that one, with the credential that its config carries.
 */
function exitTokenPart({ kind }: RunPlan, here: boolean, claim: RunTokenClaim): Pick<RunStart, 'exitToken'> {
  return kind === 'pipeline' && here ? { exitToken: exitTokenPlace(claim) } : {};
}

/** Higher goes first when slots are scarce: a person waits for a test connection, and for a run that they asked for. */
const PRIORITY = { automation: 100, asked: 10, unasked: 0 } as const;

function priorityOf(kind: RunPlan['kind'], trigger: TriggerOptions['trigger']): number {
  if (kind === 'automation') return PRIORITY.automation;
  return trigger === 'manual' || trigger === 'api' ? PRIORITY.asked : PRIORITY.unasked;
}

function startOf(deps: TriggerDeps, plan: RunPlan, runId: string, config: JsonObject): RunStart {
  const { openMetadataVersion, runDeadlineSeconds } = deps.config;
  return {
    runId,
    kind: plan.kind,
    pipelineType: plan.pipelineType,
    name: plan.name,
    fqn: plan.fqn,
    config: config as RunStart['config'],
    ...(plan.connection === undefined ? {} : { connection: plan.connection }),
    deadlineSeconds: Math.min(plan.deadlineSeconds ?? runDeadlineSeconds, plan.deadlineCap ?? Infinity),
    priority: 0,
    ...(openMetadataVersion === undefined ? {} : { openMetadataVersion }),
  };
}
