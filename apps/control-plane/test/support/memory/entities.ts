import type { Clock } from '@runner/core';
import { RunnerError } from '@runner/core';
import type { Entity, EntityKind, EntityStore, JsonObject } from '../../../src/store/ports.ts';

export function memoryEntities(clock: Clock): EntityStore {
  const rows = new Map<string, Entity>();
  const find = (kind: EntityKind, match: (entity: Entity) => boolean): Entity | undefined =>
    [...rows.values()].find((entity) => entity.kind === kind && match(entity));
  const taken = (kind: EntityKind, fqn: string): RunnerError =>
    new RunnerError('already_exists', `there is a ${kind} with this name already`, { details: { fqn } });

  return {
    create: (entity) => {
      if (rows.has(entity.id) || find(entity.kind, (other) => other.fqn === entity.fqn)) {
        throw taken(entity.kind, entity.fqn);
      }
      const row: Entity = { ...plain(entity), revision: 1, updatedAt: clock.now() };
      rows.set(row.id, row);
      return Promise.resolve(row);
    },
    byId: (kind, id) => Promise.resolve(find(kind, (entity) => entity.id === id)),
    byFqn: (kind, fqn) => Promise.resolve(find(kind, (entity) => entity.fqn === fqn)),
    list: ({ kind, limit, after, before, where = {} }) => {
      const all = [...rows.values()]
        .filter((entity) => entity.kind === kind)
        .filter((entity) => Object.entries(where).every(([path, value]) => textAt(entity.json, path) === value))
        .sort((a, b) => (a.fqn < b.fqn ? -1 : 1));
      if (limit <= 0) return Promise.resolve({ data: [], total: all.length });
      const start = after === undefined ? 0 : all.filter((entity) => entity.fqn <= decode(after)).length;
      const end = before === undefined ? start + limit : all.filter((entity) => entity.fqn < decode(before)).length;
      const from = before === undefined ? start : Math.max(0, end - limit);
      const data = all.slice(from, end);
      const [first, last] = [data[0], data.at(-1)];
      const later = before === undefined ? end < all.length : true;
      const earlier = before === undefined ? after !== undefined : from > 0;
      return Promise.resolve({
        data,
        total: all.length,
        ...(later && last !== undefined ? { after: encode(last.fqn) } : {}),
        ...(earlier && first !== undefined ? { before: encode(first.fqn) } : {}),
      });
    },
    update: (kind, id, change, expectedRevision) => {
      const entity = find(kind, (other) => other.id === id);
      if (entity === undefined) throw new RunnerError('not_found', `there is no ${kind} with this id`);
      if (expectedRevision !== undefined && expectedRevision !== entity.revision) {
        throw new RunnerError('conflict', 'the entity was changed by somebody else meanwhile');
      }
      const changed = change(structuredClone(entity));
      if (changed === undefined) return Promise.resolve(entity);
      const next: Entity = { ...entity, ...plain(changed), revision: entity.revision + 1, updatedAt: clock.now() };
      if (find(kind, (other) => other.fqn === next.fqn && other.id !== id)) throw taken(kind, next.fqn);
      rows.set(id, next);
      return Promise.resolve(next);
    },
    remove: (kind, id) => Promise.resolve(find(kind, (entity) => entity.id === id) !== undefined && rows.delete(id)),
  };
}

/** What is left of a value after it went through JSON, as in a database. */
export function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

function textAt(json: JsonObject, path: string): string | undefined {
  let value: unknown = json;
  for (const key of path.split('.')) {
    value = typeof value === 'object' && value !== null ? (value as JsonObject)[key] : undefined;
  }
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const encode = (fqn: string): string => Buffer.from(fqn, 'utf8').toString('base64url');

function decode(cursor: string): string {
  const fqn = Buffer.from(cursor, 'base64url').toString('utf8');
  if (encode(fqn) !== cursor || fqn.includes('\0')) throw new RunnerError('invalid_cursor', 'not a paging cursor');
  return fqn;
}
