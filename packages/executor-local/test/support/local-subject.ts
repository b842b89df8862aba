import { mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@runner/core';
import { until } from '@runner/core/testing';
import type { ExecutorSubject } from '@runner/executor/testing';
import type { LocalExecutor, LocalExecutorOptions } from '../../src/index.ts';
import { createLocalExecutor } from '../../src/index.ts';
import { hostProcesses } from '../../src/host-processes.ts';
import { isAlive } from '../../src/process-table.ts';
import { parseClaim } from '../../src/record-checks.ts';
import type { ClaimRecord, ProcessRecord } from '../../src/records.ts';
import { readClaim, readProcess } from '../../src/run-folder.ts';
import type { Control } from './control.ts';
import { openControl } from './control.ts';

/** A local executor on a folder of its own, with programs that do what the test says. */
export interface LocalSubject extends ExecutorSubject {
  readonly executor: LocalExecutor;
  readonly folder: string;
  readonly control: Control;
  another(changes?: Partial<LocalExecutorOptions>): Promise<LocalExecutor>;
  claimOf(runId: string): Promise<ClaimRecord>;
  processOf(runId: string): Promise<ProcessRecord>;
  runFolder(runId: string): string;
}

export async function localSubject(changes: Partial<LocalExecutorOptions> = {}): Promise<LocalSubject> {
  const control = await openControl();
  const folder = changes.folder ?? (await mkdtemp(join(tmpdir(), 'local-executor-')));
  const executors: LocalExecutor[] = [];
  const make = (more: Partial<LocalExecutorOptions> = {}): LocalExecutor => {
    const executor = createLocalExecutor({
      folder,
      clock: systemClock(),
      hostEnvironment: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
      command: control.command,
      extraEnvironment: [{ name: 'CONTROL_PORT', value: String(control.port) }],
      graceMs: 300,
      relistMs: 100,
      ...changes,
      ...more,
    });
    executors.push(executor);
    return executor;
  };
  const runFolder = (runId: string): string => join(folder, 'runs', runId);
  const executor = make();
  return {
    executor,
    folder,
    control,
    runFolder,
    another: (more) => Promise.resolve(make(more)),
    print: async (runId, bytes) => await (await control.program(runId)).print(bytes),
    succeed: async (runId) => (await control.program(runId)).exit(0),
    fail: async (runId, exitCode) => (await control.program(runId)).exit(exitCode),
    resist: async (runId) => await (await control.program(runId)).resist(),
    executions: (runId) => Promise.resolve(control.executions(runId)),
    outage: async () => {
      const away = `${folder}.away`;
      await rename(folder, away);
      return async () => {
        // What came into being in its place meanwhile is not it.
        await rm(folder, { recursive: true, force: true });
        await rename(away, folder);
      };
    },
    remove: async (runId) => await rm(runFolder(runId), { recursive: true }),
    claimOf: async (runId) => parseClaim(await readFile(join(runFolder(runId), 'claim.json'), 'utf8')),
    // The program may have begun before the file about it stands.
    processOf: async (runId) => await until('the process of the run is recorded', () => readProcess(runFolder(runId))),
    [Symbol.asyncDispose]: async () => {
      for (const each of executors) await each.close();
      // Programs end when their control does, and supervisors with them.
      await control[Symbol.asyncDispose]();
      await untilSupervisorsAreGone(folder);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function untilSupervisorsAreGone(folder: string): Promise<void> {
  const processes = hostProcesses();
  const runs = join(folder, 'runs');
  for (const runId of await readdir(runs).catch(() => [])) {
    // Where a test damaged the claim, or there is none, there is nobody to wait for.
    const claim = await readClaim(join(runs, runId)).catch(() => undefined);
    if (claim === undefined) continue;
    // Programs that know nothing of a control are ended as by the host.
    if (isAlive(processes, claim.supervisor)) processes.signal(claim.supervisor.pid, 'SIGTERM');
    await until(`the supervisor of ${runId} is gone`, () => !isAlive(processes, claim.supervisor));
  }
}
