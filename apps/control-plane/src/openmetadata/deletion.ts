import { isRunnerError } from '@runner/core';
import type { Entity, EntityKind, Store } from '../store/ports.ts';

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
