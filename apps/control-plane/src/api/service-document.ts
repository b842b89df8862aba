import { RunnerError } from '@runner/core';
import { z } from 'zod';
import { checkConnection, connectionConfigOf, requireUsable } from '../openmetadata/connection-check.ts';
import { isObject, stringOf, without } from '../openmetadata/json.ts';
import { keepMasked, maskConnection } from '../openmetadata/masking.ts';
import { findRunner, secretsManagerOf } from '../openmetadata/runner-choice.ts';
import { servicePath } from '../openmetadata/service-kinds.ts';
import type { ServiceKind } from '../openmetadata/service-kinds.ts';
import type { Entity, JsonObject } from '../store/ports.ts';
import type { ApiDeps } from './deps.ts';
import { ownFields, presented } from './entities.ts';
import { withRunner } from './runner-field.ts';
import { entityNameSchema, entityReferenceSchema, jsonObjectSchema } from './schemas.ts';
import type { ShownEntity } from './schemas.ts';

export const createServiceSchema = z.looseObject({
  name: entityNameSchema,
  serviceType: z
    .string()
    .regex(/^[A-Za-z0-9]{1,64}$/, 'must be a service type such as Postgres')
    .describe('such as Postgres'),
  displayName: z.string().max(256).nullish(),
  description: z.string().max(100_000).nullish(),
  connection: z
    .looseObject({ config: jsonObjectSchema.nullish() })
    .nullish()
    .describe('password fields hold secret references (secret:<id>); a value of only asterisks keeps the stored one'),
  ingestionRunner: entityReferenceSchema.nullish().describe('by id or name; without one the default runner'),
});

export type CreateService = z.infer<typeof createServiceSchema>;

/**
 * The document to store: masked values replaced by what they stand for, the runner looked up, and nothing in plain text
 * that would have to travel to a hybrid runner. Fields that an update leaves out stay as they are.
 * @param whole the body is the whole document (a patched one): what it leaves out is gone
 */
export async function checkedService(
  deps: ApiDeps,
  body: CreateService,
  stored: Entity | undefined,
  whole = false,
): Promise<JsonObject> {
  const fields = without(ownFields(body), 'name');
  if (stored !== undefined && stored.json['serviceType'] !== body.serviceType) {
    throw new RunnerError('conflict', 'the type of a service cannot be changed', { hint: 'make another service' });
  }
  const merged: JsonObject = { ...(whole ? {} : stored?.json), ...fields };
  const at = '/connection/config';
  const config = keepMasked(connectionConfigOf(merged), connectionConfigOf(stored?.json ?? {}), at);
  const connected = isObject(merged['connection'])
    ? { ...merged, connection: { ...merged['connection'], config } }
    : merged;
  const { json, runner } = await withRunner(deps.store, connected, stored?.json);
  if (runner?.kind === 'hybrid' && isObject(config)) {
    const secretsManager = secretsManagerOf(runner);
    const mode = deps.config.plaintextSecrets;
    requireUsable({ config, type: body.serviceType, at, secretsManager, mode }, deps.logger);
  }
  return json;
}

/** A service as it is shown; `raw` with what stands in its password fields, for its workload. */
export function presentService({ config }: Pick<ApiDeps, 'config'>, entity: Entity, raw = false): ShownEntity {
  const href = `${config.publicUrl}/api/v1${servicePath(entity.kind as ServiceKind)}/${entity.id}`;
  const document = presented(entity, href);
  const { connection } = document;
  if (raw || !isObject(connection)) return document;
  const masked = maskConnection(connection['config'], stringOf(entity.json['serviceType']) ?? '');
  return { ...document, connection: { ...connection, ...(masked === undefined ? {} : { config: masked }) } };
}

/**
 * A service as whoever wrote it sees it: with what may be wrong about its connection and was let through, such as a
 * reference in a field that is not masked, which nobody resolves.
 */
export async function presentWritten(deps: Pick<ApiDeps, 'config' | 'store'>, entity: Entity): Promise<ShownEntity> {
  const shown = presentService(deps, entity);
  const runner = await findRunner(deps.store.runners, entity.json['ingestionRunner']);
  if (runner?.kind !== 'hybrid') return shown;
  const { warnings } = checkConnection({
    config: connectionConfigOf(entity.json),
    type: stringOf(entity.json['serviceType']) ?? '',
    at: '/connection/config',
    secretsManager: secretsManagerOf(runner),
    mode: deps.config.plaintextSecrets,
  });
  return warnings.length === 0 ? shown : { ...shown, connectionWarnings: warnings };
}
