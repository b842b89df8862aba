import { RunnerError, isRunnerError } from '@runner/core';
import type { Entity, EntityKind, EntityQuery, JsonObject, Page, Store } from '../store/ports.ts';
import type { ShownEntity } from './schemas.ts';

/** Fields that the server owns: what a client sends for them is dropped. */
const SERVER_FIELDS: ReadonlySet<string> = new Set([
  'id',
  'fullyQualifiedName',
  'version',
  'updatedAt',
  'updatedBy',
  'href',
  'deleted',
  'changeDescription',
  'incrementalChangeDescription',
  'connectionWarnings',
]);

/** A document as a client sent it, without what is not the client's to say, and without empty fields. */
export function ownFields(document: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(document).filter(([key, value]) => !SERVER_FIELDS.has(key) && value !== undefined && value !== null),
  );
}

/** An entity as the API shows it. */
export function presented(entity: Entity, href: string): ShownEntity {
  return {
    ...entity.json,
    id: entity.id,
    name: entity.name,
    fullyQualifiedName: entity.fqn,
    // OpenMetadata counts versions in tenths.
    version: Number((entity.revision / 10).toFixed(1)),
    updatedAt: entity.updatedAt,
    updatedBy: entity.updatedBy,
    href,
  };
}

export interface ShownPage {
  data: ShownEntity[];
  paging: { total: number; after?: string; before?: string };
}

export function listed(page: Page<Entity>, present: (entity: Entity) => ShownEntity): ShownPage {
  const { data, total, after, before } = page;
  return {
    data: data.map(present),
    paging: {
      total,
      ...(after === undefined ? {} : { after }),
      ...(before === undefined ? {} : { before }),
    },
  };
}

/** The page that a request asks for. */
export function pageOf(query: {
  readonly limit: number;
  readonly after?: string | undefined;
  readonly before?: string | undefined;
}): Pick<EntityQuery, 'limit' | 'after' | 'before'> {
  const { limit, after, before } = query;
  return {
    limit,
    ...(after === undefined ? {} : { after }),
    ...(before === undefined ? {} : { before }),
  };
}

/** A part of a fully qualified name: quoted when it holds what separates parts. */
export function fqnPart(name: string): string {
  return /[."]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
}

export function fqnOf(...names: readonly string[]): string {
  return names.map(fqnPart).join('.');
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
export const isUuid = (text: string): boolean => UUID.test(text);

export function missing(kind: string, named: string): RunnerError {
  return new RunnerError('not_found', `there is no ${kind} ${JSON.stringify(named.slice(0, 200))}`);
}

export async function entityById(store: Store, kind: EntityKind, id: string): Promise<Entity> {
  const entity = await store.entities.byId(kind, id);
  if (entity === undefined) throw missing(kind, id);
  return entity;
}

export async function entityByFqn(store: Store, kind: EntityKind, fqn: string): Promise<Entity> {
  const entity = await store.entities.byFqn(kind, fqn);
  if (entity === undefined) throw missing(kind, fqn);
  return entity;
}

/** Where OpenMetadata takes either. */
export async function entityByEither(store: Store, kind: EntityKind, idOrFqn: string): Promise<Entity> {
  const byId = isUuid(idOrFqn) ? await store.entities.byId(kind, idOrFqn) : undefined;
  return byId ?? entityByFqn(store, kind, idOrFqn);
}

const ATTEMPTS = 8;

export interface CreateOrUpdate {
  readonly create: () => Promise<Entity>;
  readonly update: (standing: Entity) => Promise<Entity>;
}

/** PUT: whoever creates it first does, and everybody else updates what they made. */
export async function createOrUpdate(
  store: Store,
  kind: EntityKind,
  fqn: string,
  { create, update }: CreateOrUpdate,
): Promise<{ readonly entity: Entity; readonly status: 200 | 201 }> {
  const standing = await store.entities.byFqn(kind, fqn);
  if (standing !== undefined) return { entity: await update(standing), status: 200 };
  try {
    return { entity: await create(), status: 201 };
  } catch (error) {
    const made = isRunnerError(error, 'already_exists') ? await store.entities.byFqn(kind, fqn) : undefined;
    if (made === undefined) throw error;
    return { entity: await update(made), status: 200 };
  }
}

/**
 * Changes an entity by something that has to look at the store first. Whoever was quicker wins, and the change is worked
 * out again on what they left.
 */
export async function changeEntity(
  store: Store,
  entity: Entity,
  updatedBy: string,
  next: (entity: Entity) => Promise<JsonObject>,
): Promise<Entity> {
  let current = entity;
  for (let attempt = 1; ; attempt += 1) {
    const json = await next(current);
    try {
      return await store.entities.update(current.kind, current.id, () => ({ json, updatedBy }), current.revision);
    } catch (error) {
      if (!isRunnerError(error, 'conflict') || attempt === ATTEMPTS) throw error;
      current = await entityById(store, current.kind, current.id);
    }
  }
}
