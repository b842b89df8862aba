import { z } from 'zod';
import { derivedId } from '../../openmetadata/derived-id.ts';
import {
  BUILT_IN_DEFINITIONS,
  DEFINITION_SUFFIX,
  builtInDefinition,
} from '../../openmetadata/test-connection-steps.ts';
import type { Entity } from '../../store/ports.ts';
import { principalOf } from '../authentication.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { missing, ownFields, presented } from '../entities.ts';
import { entityNameSchema, entitySchema, failures, fqnParamsSchema, listSchema } from '../schemas.ts';
import type { ShownEntity } from '../schemas.ts';

const KIND = 'testConnectionDefinition';
const BASE = '/api/v1/services/testConnectionDefinitions';

const definitionSchema = z.looseObject({
  name: entityNameSchema.describe('the service type, such as Postgres'),
  steps: z
    .array(
      z.looseObject({
        name: z.string().min(1).max(256),
        description: z.string().max(10_000),
        mandatory: z.boolean().default(true),
      }),
    )
    .min(1)
    .max(100),
});

/** Definitions of test connections: built-in ones for common types, and those that an administrator PUTs. */
export function registerTestConnectionDefinitions(app: Api, { store, random, config }: ApiDeps): void {
  const tags = ['testConnectionDefinitions'];
  const href = (id: string): string => `${config.publicUrl}${BASE}/${id}`;
  const show = (entity: Entity): ShownEntity => presented(entity, href(entity.id));

  app.route({
    method: 'GET',
    url: `${BASE}/name/:fqn`,
    config: { operation: 'definitions.read' },
    schema: {
      tags,
      summary: 'Read by name: Postgres, or Postgres.testConnectionDefinition',
      params: fqnParamsSchema,
      response: { 200: entitySchema, ...failures },
    },
    handler: async (request) => {
      const { fqn } = request.params;
      const serviceType = fqn.endsWith(DEFINITION_SUFFIX) ? fqn.slice(0, -DEFINITION_SUFFIX.length) : fqn;
      const stored = await store.entities.byFqn(KIND, `${serviceType}${DEFINITION_SUFFIX}`);
      if (stored !== undefined) return show(stored);
      const builtIn = builtInEntity(serviceType);
      if (builtIn === undefined) throw missing('test connection definition', fqn);
      return show(builtIn);
    },
  });
  app.route({
    method: 'GET',
    url: BASE,
    config: { operation: 'definitions.read' },
    schema: { tags, summary: 'List', response: { 200: listSchema(entitySchema), ...failures } },
    handler: async () => {
      const stored = await store.entities.list({ kind: KIND, limit: 1000 });
      const names = new Set(stored.data.map(({ name }) => name));
      const builtIn = BUILT_IN_DEFINITIONS.filter((name) => !names.has(name)).flatMap(
        (name) => builtInEntity(name) ?? [],
      );
      const data = [...stored.data, ...builtIn].map(show);
      return { data, paging: { total: data.length } };
    },
  });
  app.route({
    method: 'PUT',
    url: BASE,
    config: { operation: 'definitions.write' },
    schema: {
      tags,
      summary: 'Define the test of a service type, or replace it',
      body: definitionSchema,
      response: { 200: entitySchema, ...failures },
    },
    handler: async (request) => {
      const { name } = request.body;
      const fqn = `${name}${DEFINITION_SUFFIX}`;
      const json = ownFields(request.body);
      const updatedBy = principalOf(request).subject;
      const standing = await store.entities.byFqn(KIND, fqn);
      if (standing !== undefined) {
        return show(await store.entities.update(KIND, standing.id, () => ({ json, updatedBy })));
      }
      return show(await store.entities.create({ id: random.uuid(), kind: KIND, name, fqn, updatedBy, json }));
    },
  });
}

/** Built-in definitions are in no store; their ids follow from their names. */
function builtInEntity(serviceType: string): Entity | undefined {
  const json = builtInDefinition(serviceType);
  if (json === undefined) return undefined;
  const fqn = `${serviceType}${DEFINITION_SUFFIX}`;
  return {
    id: derivedId(KIND, fqn),
    kind: KIND,
    name: serviceType,
    fqn,
    revision: 1,
    updatedAt: 0,
    updatedBy: 'admin',
    json,
  };
}
