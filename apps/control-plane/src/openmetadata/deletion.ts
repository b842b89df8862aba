import { isRunnerError } from '@runner/core';
import type { Entity, EntityKind, Store } from '../store/ports.ts';
import type { KillOptions, Trigger } from './trigger.ts';

export interface Deletion {
  /** The entity as it was marked; it stands until its last run has ended. */
  readonly marked: Entity;
  /** Runs that were asked to end, or with `force` closed. */
  readonly killed: readonly string[];
}

/**
 * Deletes an entity that runs: marks it, so that nothing starts it any more, asks its open runs to end, and removes it. What
 * still runs keeps it until then; `purgeDeleted` removes it later. Rejects with `not_found`.
 */
export async function deleteEntity(
  deps: { readonly store: Store; readonly trigger: Pick<Trigger, 'kill'> },
  which: { readonly kind: EntityKind; readonly id: string },
  updatedBy: string,
  options?: KillOptions,
): Promise<Deletion> {
  const { store, trigger } = deps;
  const marked = await store.entities.update(which.kind, which.id, ({ json }) => ({
    json: { ...json, deleted: true },
    updatedBy,
  }));
  const killed = await trigger.kill(marked.id, options);
  await removeEntity(store, marked);
  return { marked, killed };
}

/**
 * Removes an entity with everything that belongs to it: runs, their logs and progress, statuses.
 * @returns false while a run of it is open
 */
export async function removeEntity(store: Store, entity: Entity): Promise<boolean> {
  try {
    await store.runs.removeOfEntity(entity.id);
  } catch (error) {
    if (isRunnerError(error, 'run_in_progress')) return false;
    throw error;
  }
  if (entity.kind === 'ingestionPipeline') await store.statuses.remove(entity.fqn);
  await store.entities.remove(entity.kind, entity.id);
  return true;
}

/** Entities that were deleted while they ran: removed as soon as their last run has ended. */
export async function purgeDeleted(store: Store, kind: EntityKind): Promise<void> {
  for (let after: string | undefined; ;) {
    const page = await store.entities.list({
      kind,
      limit: 100,
      where: { deleted: 'true' },
      ...(after === undefined ? {} : { after }),
    });
    for (const entity of page.data) await removeEntity(store, entity);
    after = page.after;
    if (after === undefined) return;
  }
}
