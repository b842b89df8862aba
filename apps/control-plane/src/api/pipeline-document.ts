import { RunnerError } from '@runner/core';
import { z } from 'zod';
import { UNDESCRIBED, requireUsable } from '../openmetadata/connection-check.ts';
import { isObject, objectOf, stringOf } from '../openmetadata/json.ts';
import { keepMasked, maskConnection } from '../openmetadata/masking.ts';
import { findRunner, secretsManagerOf } from '../openmetadata/runner-choice.ts';
import { SERVICE_KINDS } from '../openmetadata/service-kinds.ts';
import { LOGGER_LEVELS, PIPELINE_TYPES } from '../openmetadata/workflow-config.ts';
import { checkPipelineSchedule } from '../scheduler/pipeline-schedule.ts';
import type { Entity, JsonObject } from '../store/ports.ts';
import type { ApiDeps } from './deps.ts';
import { fqnOf, ownFields } from './entities.ts';
import { withRunner } from './runner-field.ts';
import { entityNameSchema, entityReferenceSchema, jsonObjectSchema } from './schemas.ts';
import type { ShownEntity } from './schemas.ts';

const airflowConfigSchema = z.looseObject({
  scheduleInterval: z
    .string()
    .max(256)
    .nullish()
    .describe(
      'five-field cron or @hourly, @daily, @weekly, @monthly, @yearly; without it the pipeline runs when asked',
    ),
  pipelineTimezone: z.string().max(64).nullish().describe('IANA name; default UTC'),
  startDate: z.union([z.string().max(64), z.number()]).nullish(),
  endDate: z.union([z.string().max(64), z.number()]).nullish(),
  pausePipeline: z.boolean().nullish(),
  pipelineCatchup: z
    .boolean()
    .nullish()
    .describe('true: the newest slot that was missed fires however late; older ones never do'),
  concurrency: z.number().int().min(1).max(1000).nullish(),
  retries: z.number().int().min(0).max(20).nullish().describe('further attempts after a failed run'),
  retryDelay: z.number().int().min(0).max(86_400).nullish().describe('seconds before a further attempt; default 300'),
  workflowTimeout: z.number().int().min(1).max(31_536_000).nullish().describe('seconds a run may take'),
});

export const createPipelineSchema = z.looseObject({
  name: entityNameSchema,
  displayName: z.string().max(256).nullish(),
  description: z.string().max(100_000).nullish(),
  pipelineType: z.enum(PIPELINE_TYPES),
  sourceConfig: z.looseObject({ config: jsonObjectSchema.nullish() }),
  airflowConfig: airflowConfigSchema,
  service: entityReferenceSchema
    .extend({ type: z.enum(SERVICE_KINDS) })
    .nullish()
    .describe('by id or fullyQualifiedName; applications need none'),
  loggerLevel: z.enum(LOGGER_LEVELS).nullish(),
  raiseOnError: z.boolean().nullish(),
  enableStreamableLogs: z.boolean().nullish(),
  enabled: z.boolean().nullish(),
  openMetadataServerConnection: z
    .looseObject({ hostPort: z.url({ protocol: /^https?$/ }) })
    .nullish()
    .describe('a server of its own to report to, with securityConfig.jwtToken; default: this one'),
  ingestionRunner: entityReferenceSchema.nullish().describe('applications only; other pipelines follow their service'),
});
export type CreatePipeline = z.infer<typeof createPipelineSchema>;

/** A checked document and where it belongs. */
export interface CheckedPipeline {
  readonly json: JsonObject;
  readonly fqn: string;
}

/** Our own state of a pipeline: no client writes it. */
const STATE_FIELDS = ['deployed', 'deleted', 'pipelineStatuses'] as const;

/**
 * The document to store. Rejects with `invalid_schedule`, `invalid_pipeline`, `runner_not_found`, `plaintext_secret`,
 * `secret_reference_invalid`, `masked_value`.
 * @param whole the body is the whole document (a patched one): what it leaves out is gone
 */
export async function checkedPipeline(
  deps: ApiDeps,
  body: CreatePipeline,
  stored: Entity | undefined,
  whole = false,
): Promise<CheckedPipeline> {
  const { name, ...fields } = ownFields(body);
  const standing = Object.fromEntries(Object.entries(stored?.json ?? {}).filter(([key]) => isState(key)));
  const sent = Object.fromEntries(Object.entries(fields).filter(([key]) => !isState(key)));
  const merged: JsonObject = { enabled: true, ...(whole ? {} : stored?.json), ...sent, ...standing };
  checkPipelineSchedule(merged, deps.clock.now());
  const placed = await withService(deps, merged, stored);
  const unmasked = withMaskedKept(placed.json, stored?.json ?? {});
  const { json } = await withRunner(deps.store, unmasked, stored?.json);
  await checkSourceConfig(deps, json, placed.service?.json);
  const serviceFqn = placed.service?.fqn;
  const own = String(name);
  return { json, fqn: serviceFqn === undefined ? fqnOf(own) : `${serviceFqn}.${fqnOf(own)}` };
}

const isState = (key: string): boolean => (STATE_FIELDS as readonly string[]).includes(key);

interface Placed {
  readonly json: JsonObject;
  readonly service: Entity | undefined;
}

async function withService(deps: ApiDeps, document: JsonObject, stored: Entity | undefined): Promise<Placed> {
  const reference = objectOf(document['service']);
  const kind = SERVICE_KINDS.find((candidate) => candidate === reference['type']);
  if (kind === undefined) {
    if (document['pipelineType'] === 'application') return { json: document, service: undefined };
    throw new RunnerError('invalid_pipeline', 'the pipeline names no service', {
      hint: 'send service: {"id": "…", "type": "databaseService"}',
    });
  }
  const id = stringOf(reference['id']);
  const fqn = stringOf(reference['fullyQualifiedName']) ?? stringOf(reference['name']);
  const service =
    (id === undefined ? undefined : await deps.store.entities.byId(kind, id)) ??
    (fqn === undefined ? undefined : await deps.store.entities.byFqn(kind, fqn));
  if (service === undefined) throw new RunnerError('invalid_pipeline', `there is no such ${kind}`);
  if (stored !== undefined && objectOf(stored.json['service'])['id'] !== service.id) {
    throw new RunnerError('conflict', 'a pipeline cannot be moved to another service', {
      hint: 'make another pipeline',
    });
  }
  return {
    service,
    json: {
      ...document,
      service: { id: service.id, type: kind, name: service.name, fullyQualifiedName: service.fqn, deleted: false },
    },
  };
}

function withMaskedKept(document: JsonObject, stored: JsonObject): JsonObject {
  const own = document['openMetadataServerConnection'];
  return {
    ...document,
    sourceConfig: keepMasked(document['sourceConfig'], stored['sourceConfig'], '/sourceConfig'),
    ...(own === undefined
      ? {}
      : {
          openMetadataServerConnection: keepMasked(
            own,
            stored['openMetadataServerConnection'],
            '/openMetadataServerConnection',
          ),
        }),
  };
}

/** The source configuration travels to the runner inside the config: no credential may stand there in plain text. */
async function checkSourceConfig(deps: ApiDeps, json: JsonObject, service: JsonObject | undefined): Promise<void> {
  const reference = service?.['ingestionRunner'] ?? json['ingestionRunner'];
  const runner = reference === undefined ? undefined : await findRunner(deps.store.runners, reference);
  if (runner?.kind !== 'hybrid') return;
  const check = {
    config: json['sourceConfig'],
    type: UNDESCRIBED,
    at: '/sourceConfig',
    secretsManager: secretsManagerOf(runner),
    mode: deps.config.plaintextSecrets,
  };
  requireUsable(check, deps.logger);
}

/** What everybody may see of a pipeline. */
export function maskedPipeline(document: ShownEntity): ShownEntity {
  const { sourceConfig, openMetadataServerConnection } = document;
  return {
    ...document,
    sourceConfig: maskConnection(sourceConfig, UNDESCRIBED),
    ...(isObject(openMetadataServerConnection)
      ? { openMetadataServerConnection: maskConnection(openMetadataServerConnection, UNDESCRIBED) }
      : {}),
  };
}
