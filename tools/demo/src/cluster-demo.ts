import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLogger } from '@runner/core';
import { forwardTo, hostForPods } from '@runner/e2e';
import type { ClusterPlace } from './cluster-place.ts';
import { openPlace } from './cluster-place.ts';
import { SECRET_ID, startDatabase } from './database.ts';
import type { DemoOptions } from './demo.ts';
import { mainJob, stayUntilStopped } from './demo.ts';
import { prepareFolder } from './folder.ts';
import type { Pipeline } from './main-job.ts';
import { killRuns, preparePipeline } from './main-job.ts';
import { createProcesses } from './processes.ts';
import type { RunningControlPlane } from './services.ts';
import { startAgent, startControlPlane } from './services.ts';

/**
 * The main job with the run as a Job of a real cluster. What is started or made is ended and removed in reverse order,
 * however this ends.
 *
 * database → namespace with accounts and Secret → control plane → agent → service and pipeline → Job → table
 */
export async function runClusterDemo(options: DemoOptions): Promise<void> {
  const { folder, screen, clock, random, signal, env } = options;
  await using started = new AsyncDisposableStack();
  await prepareFolder(folder);
  const host = await hostForPods(env);

  screen.say('Starting PostgreSQL with the database of a small shop');
  const database = await startDatabase(folder, { clock, random, logger: silentLogger });
  started.defer(database.stop);
  const forward = started.use(await forwardTo(database.port, host));

  const processes = createProcesses(folder, clock);
  for (const name of await processes.endLeftovers()) screen.say(`Ended the ${name} that a killed demo left behind`);
  signal.throwIfAborted();
  const place = started.use(await openPlace(options));
  await place.putSecret(SECRET_ID, await readFile(join(folder.secrets, SECRET_ID), 'utf8'));
  screen.say(`Made the namespace ${place.namespace} on ${place.server}, with the Secret ${SECRET_ID}`);

  const surroundings = { folder, processes, clock, signal, env };
  screen.say('Starting the control plane');
  const controlPlane = await startControlPlane(surroundings, host);
  started.defer(() => controlPlane.process.stop());
  screen.say(`Starting the agent, connected to ${controlPlane.client.url}`);
  const agent = await startAgent(surroundings, controlPlane, place.executor);
  started.defer(() => agent.stop());

  const source = { hostPort: `${host}:${forward.port}`, user: database.user, name: database.name };
  const pipeline = await preparePipeline(controlPlane.client, source);
  started.defer(() => killRuns(pipeline, controlPlane.client.unstoppable, clock));
  screen.say(`Made a service with authType.password: secret:${SECRET_ID}, and a metadata pipeline`);
  await mainJob(pipeline, controlPlane, options);
  for (const line of await place.jobs(signal)) screen.say(line);

  if (options.afterwards === 'stay') {
    screen.say(whereToLook(controlPlane, pipeline, { place, controlPlaneFolder: folder.controlPlane }));
    await stayUntilStopped([controlPlane.process.ended, agent.ended], signal);
  } else {
    screen.say(`Its logs: ${folder.logs}. npm run demo:cluster -- --keep leaves everything running.`);
  }
}

interface Looked {
  readonly place: ClusterPlace;
  readonly controlPlaneFolder: string;
}

function whereToLook({ client }: RunningControlPlane, pipeline: Pipeline, { place, ...paths }: Looked): string {
  const token = `${paths.controlPlaneFolder}/admin-token`;
  return [
    '',
    'Where to look next:',
    `  kubectl -n ${place.namespace} get jobs,pods,events`,
    `  the REST API, to try out          ${client.url}/docs`,
    `  an admin token for it             ${token}`,
    '',
    'To run it again:',
    `  curl -X POST -H "Authorization: Bearer $(cat ${token})" ${client.url}/api/v1/services/ingestionPipelines/trigger/${pipeline.id}`,
    '',
    'Ctrl-C ends everything and removes the namespace.',
  ].join('\n');
}
