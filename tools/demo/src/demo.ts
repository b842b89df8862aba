import { RunnerError, silentLogger } from '@runner/core';
import type { CommandParts } from './command.ts';
import { startDatabase } from './database.ts';
import type { DemoFolder } from './folder.ts';
import { prepareFolder } from './folder.ts';
import type { Pipeline } from './main-job.ts';
import { killRuns, preparePipeline, runPipeline } from './main-job.ts';
import { createProcesses } from './processes.ts';
import { resultTable, shortcoming } from './result.ts';
import type { RunningControlPlane } from './services.ts';
import { localExecutor, startAgent, startControlPlane } from './services.ts';

export interface DemoOptions extends CommandParts {
  readonly folder: DemoFolder;
}

/**
 * The main job from nothing to the final table. What is started is ended in reverse order, however this ends.
 *
 * database → control plane → agent → service and pipeline → run → table
 */
export async function runDemo(options: DemoOptions): Promise<void> {
  const { folder, screen, clock, random, signal } = options;
  await using started = new AsyncDisposableStack();
  await prepareFolder(folder);

  screen.say('Starting PostgreSQL with the database of a small shop');
  const database = await startDatabase(folder, { clock, random, logger: silentLogger });
  started.defer(database.stop);

  // The folder is ours now: whoever is still alive in it was left behind by a demo that was killed.
  const processes = createProcesses(folder, clock);
  for (const name of await processes.endLeftovers()) screen.say(`Ended the ${name} that a killed demo left behind`);

  const surroundings = { folder, processes, clock, signal, env: options.env };
  signal.throwIfAborted();
  screen.say('Starting the control plane');
  const controlPlane = await startControlPlane(surroundings);
  started.defer(() => controlPlane.process.stop());

  screen.say(`Starting the agent, connected to ${controlPlane.client.url}`);
  const agent = await startAgent(surroundings, controlPlane, localExecutor(folder));
  started.defer(() => agent.stop());

  const pipeline = await preparePipeline(controlPlane.client, {
    ...database,
    hostPort: `127.0.0.1:${database.port}`,
  });
  started.defer(() => killRuns(pipeline, controlPlane.client.unstoppable, clock));
  screen.say('Made a service with authType.password: secret:demo-db-password, and a metadata pipeline');
  await mainJob(pipeline, controlPlane, options);

  if (options.afterwards === 'stay') {
    screen.say(whereToLook(controlPlane, pipeline, folder));
    await stayUntilStopped([controlPlane.process.ended, agent.ended], signal);
  } else {
    screen.say(
      [
        'Where to look next:',
        `  the catalogue with all profiles   ${folder.catalogue}`,
        `  logs of control plane and agent   ${folder.logs}`,
        '  npm start -- --keep               leaves everything running, to look around',
      ].join('\n'),
    );
  }
}

/** Runs the pipeline and shows its log and figures; no success is `demo_failed`. */
export async function mainJob(
  pipeline: Pipeline,
  { client }: RunningControlPlane,
  options: CommandParts,
): Promise<void> {
  const { screen, clock, signal } = options;
  const result = await runPipeline(pipeline, { client, screen, clock, signal });
  screen.say(['', 'The end of its log:', ...result.logTail.map((line) => `  ${line}`), ''].join('\n'));
  screen.say(resultTable(result));
  const reason = shortcoming(result);
  if (reason !== undefined) throw new RunnerError('demo_failed', reason);
}

function whereToLook({ client }: RunningControlPlane, pipeline: Pipeline, folder: DemoFolder): string {
  const token = `${folder.controlPlane}/admin-token`;
  return [
    '',
    'Where to look next:',
    `  the catalogue with all profiles   ${folder.catalogue}`,
    `  the REST API, to try out          ${client.url}/docs`,
    `  an admin token for it             ${token}`,
    `  logs of control plane and agent   ${folder.logs}`,
    '',
    'To run it again:',
    `  curl -X POST -H "Authorization: Bearer $(cat ${token})" ${client.url}/api/v1/services/ingestionPipelines/trigger/${pipeline.id}`,
    '',
    'Ctrl-C ends everything.',
  ].join('\n');
}

/** Until the signal is aborted; a program that ends before is `demo_process`. */
export async function stayUntilStopped(ends: readonly Promise<string>[], signal: AbortSignal): Promise<void> {
  const stopped = new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  const text = await Promise.race([stopped, ...ends]);
  if (text !== undefined && !signal.aborted) throw new RunnerError('demo_process', text);
}
