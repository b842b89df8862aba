import type { Clock, Logger } from '@runner/core';
import { RunnerError, isRunnerError } from '@runner/core';
import { rm } from 'node:fs/promises';
import type { DataFolder } from './data-folder.ts';
import { inUse, takeOwnership } from './owner.ts';
import { isAlive, isServerOf, postmasterPath, readPostmasterFile } from './postmaster-file.ts';

const DEADLINE_MS = 30_000;
const STEP_MS = 50;

/**
 * Deals with a server that runs in the folder already. One that a live control plane owns: `data_folder_in_use`. One that
 * a killed control plane left behind is shut down, so that the next steps always start from a folder at rest. A pid
 * file whose number meanwhile belongs to another program is removed: PostgreSQL would take that program for a server.
 */
export async function clearLeftBehind(
  folder: DataFolder,
  urlFor: (port: number) => string,
  clock: Clock,
  logger: Logger,
): Promise<void> {
  const until = clock.monotonic() + DEADLINE_MS;
  for (;;) {
    const file = await readPostmasterFile(folder.data);
    if (file === undefined || !isAlive(file.pid)) return;
    if (!(await isServerOf(folder.data, file.pid))) {
      logger.warn('removed the pid file of a PostgreSQL that is gone', { pid: file.pid });
      await rm(postmasterPath(folder.data), { force: true });
      return;
    }
    if (clock.monotonic() > until) throw stuck(folder, file.pid);
    try {
      const ownership = await takeOwnership(urlFor(file.port), clock);
      if (ownership === undefined) throw inUse(folder.root);
      logger.warn('stopping the PostgreSQL that a killed control plane left behind', { pid: file.pid });
      await ownership.release();
      process.kill(file.pid, 'SIGINT');
      await waitUntilGone(folder, file.pid, until, clock);
    } catch (error) {
      // It is starting up, recovering or shutting down: its own end or its answer comes soon.
      if (!isRunnerError(error, 'store_unavailable')) throw error;
    }
    await clock.sleep(STEP_MS);
  }
}

/** The file goes last. The process may stay visible for longer, when nobody collects what is left of it. */
async function waitUntilGone(folder: DataFolder, pid: number, until: number, clock: Clock): Promise<void> {
  while (clock.monotonic() < until) {
    if (!isAlive(pid) || (await readPostmasterFile(folder.data))?.pid !== pid) return;
    await clock.sleep(STEP_MS);
  }
}

function stuck(folder: DataFolder, pid: number): RunnerError {
  return new RunnerError('embedded_postgres_failed', 'a PostgreSQL in the data folder neither answers nor ends', {
    details: { folder: folder.data, pid },
    hint: 'End that process and start again.',
  });
}
