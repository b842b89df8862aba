import { z } from 'zod';
import { isObject } from '../openmetadata/json.ts';
import type { JsonObject, RunnerRow, Store } from '../store/ports.ts';
import type { ApiDeps } from './deps.ts';
import { isUuid, missing } from './entities.ts';

export const RUNNERS_BASE = '/api/v1/ingestionRunners';

export const runnerSchema = z
  .looseObject({
    id: z.string(),
    name: z.string().describe('the agentId'),
    fullyQualifiedName: z.string(),
    displayName: z.string().optional(),
    description: z.string().optional(),
    status: z.enum(['Active', 'Inactive']).describe('Active: an agent holds a session now'),
    kind: z.enum(['hybrid', 'saas']),
    revoked: z.boolean(),
    createdAt: z.number(),
    lastSeenAt: z.number().optional().describe('epoch milliseconds'),
    agentVersion: z.string().optional(),
    executor: z.string().optional().describe('local, k8s, argo'),
    secretsManager: z.string().optional(),
    slots: z.looseObject({ total: z.number(), free: z.number() }).optional(),
    instances: z.array(z.looseObject({ instanceId: z.string(), role: z.string() })).optional(),
  })
  .meta({ id: 'IngestionRunner' });
type Runner = z.infer<typeof runnerSchema>;

export const withTokenSchema = z.object({
  runner: runnerSchema,
  token: z.string().describe('shown this once; the AUTH_TOKEN of the agent'),
});

/** The entry as it is shown; what the agent said of itself is read with care. */
export function presentRunner({ gateway, config }: Pick<ApiDeps, 'gateway' | 'config'>, row: RunnerRow): Runner {
  const info = row.info ?? {};
  const instances = gateway.bridge.connected(row.name).map((agent) => ({
    instanceId: agent.instanceId,
    role: agent.role,
    connectedAt: agent.connectedAt,
    draining: agent.draining,
  }));
  return {
    id: row.id,
    name: row.name,
    fullyQualifiedName: row.name,
    ...(row.displayName === undefined ? {} : { displayName: row.displayName }),
    ...(row.description === undefined ? {} : { description: row.description }),
    status: row.active && !row.revoked ? 'Active' : 'Inactive',
    kind: row.kind,
    revoked: row.revoked,
    createdAt: row.createdAt,
    ...(row.lastSeenAt === undefined ? {} : { lastSeenAt: row.lastSeenAt }),
    ...textFields(info),
    ...(isSlots(info['slots']) ? { slots: info['slots'] } : {}),
    ...(isObject(info['scope']) ? { scope: info['scope'] } : {}),
    ...(instances.length === 0 ? {} : { instances }),
    href: `${config.publicUrl}${RUNNERS_BASE}/${row.id}`,
  };
}

function textFields(info: JsonObject): Pick<Runner, 'agentVersion' | 'executor' | 'secretsManager'> {
  const names = ['agentVersion', 'executor', 'secretsManager'] as const;
  return Object.fromEntries(names.flatMap((name) => (typeof info[name] === 'string' ? [[name, info[name]]] : [])));
}

function isSlots(value: unknown): value is { total: number; free: number } {
  return isObject(value) && typeof value['total'] === 'number' && typeof value['free'] === 'number';
}

export async function runnerById(store: Store, id: string): Promise<RunnerRow> {
  const row = await store.runners.byId(id);
  if (row === undefined) throw missing('ingestion runner', id);
  return row;
}

/** Where a path takes the id or the name. */
export async function runnerByEither(store: Store, idOrName: string): Promise<RunnerRow> {
  const byId = isUuid(idOrName) ? await store.runners.byId(idOrName) : undefined;
  const row = byId ?? (await store.runners.byName(idOrName));
  if (row === undefined) throw missing('ingestion runner', idOrName);
  return row;
}
