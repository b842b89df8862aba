import { RunnerError } from '@runner/core';
import { z } from 'zod';
import { UNDESCRIBED, requireUsable, travellingBesideConnection } from '../openmetadata/connection-check.ts';
import { isObject, objectOf, stringOf, without } from '../openmetadata/json.ts';
import { keepMasked, maskConnection } from '../openmetadata/masking.ts';
import { findRunner, secretsManagerOf } from '../openmetadata/runner-choice.ts';
import { SERVICE_KINDS } from '../openmetadata/service-kinds.ts';
import type { Entity, JsonObject, RunnerRow } from '../store/ports.ts';
import type { ApiDeps } from './deps.ts';
import { fqnPart, ownFields, presented } from './entities.ts';
import { entityNameSchema, entityReferenceSchema, jsonObjectSchema } from './schemas.ts';
import type { ShownEntity } from './schemas.ts';

export const WORKFLOWS_BASE = '/api/v1/automations/workflows';

export const createWorkflowSchema = z.looseObject({
  name: entityNameSchema,
  displayName: z.string().max(256).nullish(),
  description: z.string().max(100_000).nullish(),
  workflowType: z.enum(['TEST_CONNECTION', 'REVERSE_INGESTION', 'QUERY_RUNNER']),
  request: z.looseObject({
    connection: z.looseObject({ config: jsonObjectSchema.nullish() }).nullish(),
    serviceType: z.string().max(64).nullish().describe('such as Database'),
    connectionType: z.string().max(64).nullish().describe('such as Postgres'),
    serviceName: z.string().max(256).nullish().describe('masked values are those of this service'),
    ingestionRunner: z
      .union([z.string().max(256), entityReferenceSchema])
      .nullish()
      .describe('name of the runner; default: that of the service, or the default runner'),
  }),
});

/** Masked values stand for those of the service that is tested; nothing in plain text goes to a hybrid runner. */
export async function checkedWorkflow(deps: ApiDeps, body: z.infer<typeof createWorkflowSchema>): Promise<JsonObject> {
  const fields = without(ownFields(body), 'name');
  const at = '/request/connection/config';
  const request = objectOf(fields['request']);
  const service = await testedService(deps, stringOf(request['serviceName']));
  const connection = objectOf(request['connection']);
  const config = keepMasked(connection['config'], objectOf(service?.json['connection'])['config'], at);
  const reference = request['ingestionRunner'] ?? service?.json['ingestionRunner'];
  const runner = await namedRunner(deps, reference);
  if (runner?.kind === 'hybrid') {
    const common = { secretsManager: secretsManagerOf(runner), mode: deps.config.plaintextSecrets };
    const type = stringOf(request['connectionType']) ?? UNDESCRIBED;
    requireUsable({ config, type, at, ...common }, deps.logger);
    const beside = travellingBesideConnection(fields);
    requireUsable({ config: beside, type: UNDESCRIBED, at: '', ...common }, deps.logger);
  }
  return {
    ...fields,
    status: 'Pending',
    request: {
      ...request,
      ...(isObject(request['connection']) ? { connection: { ...connection, config } } : {}),
      ...(runner === undefined ? {} : { ingestionRunner: runner.name }),
    },
  };
}

async function testedService({ store }: ApiDeps, name: string | undefined): Promise<Entity | undefined> {
  if (name === undefined) return undefined;
  for (const kind of SERVICE_KINDS) {
    const service = await store.entities.byFqn(kind, fqnPart(name));
    if (service !== undefined) return service;
  }
  return undefined;
}

async function namedRunner({ store }: ApiDeps, reference: unknown): Promise<RunnerRow | undefined> {
  if (reference === undefined || reference === null) return undefined;
  const runner = await findRunner(store.runners, reference);
  if (runner !== undefined && !runner.revoked) return runner;
  throw new RunnerError('runner_not_found', 'there is no usable ingestion runner of this name', {
    hint: 'GET /api/v1/ingestionRunners lists them',
  });
}

/** A workflow as it is shown; `raw` with what stands in its password fields, for its workload. */
export function presentWorkflow({ config }: Pick<ApiDeps, 'config'>, entity: Entity, raw = false): ShownEntity {
  const document = presented(entity, `${config.publicUrl}${WORKFLOWS_BASE}/${entity.id}`);
  const request = objectOf(document['request']);
  const { connection } = request;
  if (raw || !isObject(connection)) return document;
  const masked = maskConnection(connection['config'], stringOf(request['connectionType']) ?? '');
  return { ...document, request: { ...request, connection: { ...connection, config: masked } } };
}
