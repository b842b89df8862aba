import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ArgoTransport, Runner, World } from '@runner/e2e';
import { argoRules, openWorld } from '@runner/e2e';

/** Only on a cluster whose programs may be stopped; npm run test:e2e leaves this file out on any other. */
const TOOL = fileURLToPath(new URL('../../../cluster/cluster', import.meta.url));
const tool = async (...words: readonly string[]): Promise<void> => {
  await promisify(execFile)(TOOL, words);
};

const TRANSPORTS = ['server', 'crd'] as const;
const OUTAGE_MS = 60_000;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let world: World;
const runners = new Map<ArgoTransport, Runner>();
beforeAll(async () => {
  world = await openWorld();
  for (const argo of TRANSPORTS) {
    const namespace = await world.namespace(`argo-out-${argo}`);
    const runner = await world.runner(`argo-out-${argo}`, { namespace, argo, rules: argoRules(argo) });
    await runner.activeAgent();
    runners.set(argo, runner);
  }
});
afterAll(async () => {
  // Whatever failed, the others find the cluster as it was.
  for (const name of ['argo-controller', 'argo-server']) await tool('start', name);
  await world[Symbol.asyncDispose]();
});

const pipelineOf = async (transport: ArgoTransport) => {
  const runner = runners.get(transport);
  if (runner === undefined) throw new Error(`there is no runner of ${transport}`);
  return await runner.pipeline();
};

async function running(transport: ArgoTransport) {
  const pipeline = await pipelineOf(transport);
  const runId = await pipeline.trigger();
  const program = await world.control.program(runId);
  await world.inState(runId, 'running');
  return { pipeline, runId, program };
}

const seenEnd = (runId: string) => world.until(runId, 'the end was seen', ({ outcome }) => outcome !== undefined);

describe('an Argo Server that is restarted in the middle of everything', () => {
  it('is watched again: runs that ended meanwhile and later are told as they were, and new ones start', async () => {
    const [meanwhile, later] = await Promise.all([running('server'), running('server')]);
    await later.program.print('before\n');
    await tool('stop', 'argo-server');
    try {
      meanwhile.program.exit(4);
      await later.program.print('meanwhile\n');
      await meanwhile.program.gone;
      expect(await world.run(later.runId)).toMatchObject({ state: 'running' });
    } finally {
      await tool('start', 'argo-server');
    }
    expect(await seenEnd(meanwhile.runId)).toMatchObject({ state: 'failed', outcome: { exitCode: 4 } });
    await later.program.print('after\n');
    later.program.exit(0);
    expect(await seenEnd(later.runId)).toMatchObject({ state: 'succeeded' });
    const afterwards = await running('server');
    afterwards.program.exit(0);
    expect(await seenEnd(afterwards.runId)).toMatchObject({ state: 'succeeded' });
    const path = `services/ingestionPipelines/logs/${encodeURIComponent(later.pipeline.fqn)}/${later.runId}`;
    await world.until(later.runId, 'its log is whole', () => true);
    expect((await world.api.call('GET', path))['ingestion_task']).toBe('before\nmeanwhile\nafter\n');
    for (const { runId } of [meanwhile, later, afterwards]) expect(world.control.executions(runId)).toBe(1);
  });
});

describe('a workflow controller that is away for 60 s', () => {
  it('is said to be away where runs wait for it, over both transports, and they go on when it is back', async () => {
    const begun = await Promise.all(TRANSPORTS.map((transport) => running(transport)));
    await tool('stop', 'argo-controller');
    const stoppedAt = performance.now();
    const waiting: string[] = [];
    try {
      for (const { program } of begun) program.exit(5);
      for (const transport of TRANSPORTS) waiting.push(await (await pipelineOf(transport)).trigger());
      const told = await Promise.all(
        waiting.map((runId) =>
          world.until(
            runId,
            'it says what it waits for',
            ({ diagnosis }) => diagnosis?.code === 'controller_not_running',
          ),
        ),
      );
      for (const run of told) expect(run).toMatchObject({ state: 'pending', diagnosis: { permanent: false } });
      await pause(stoppedAt + OUTAGE_MS - performance.now());
      // Their Workflows are not over as long as nobody says so.
      for (const { runId } of begun) expect((await world.run(runId)).outcome).toBeUndefined();
    } finally {
      await tool('start', 'argo-controller');
    }
    for (const runId of waiting) {
      (await world.control.program(runId)).exit(0);
      const run = await seenEnd(runId);
      expect(run).toMatchObject({ state: 'succeeded', writtenBy: 'exitStep' });
      expect(run.diagnosis).toBeUndefined();
    }
    for (const { runId } of begun) {
      expect(await seenEnd(runId)).toMatchObject({ state: 'failed', outcome: { exitCode: 5 } });
    }
    for (const runId of [...waiting, ...begun.map((one) => one.runId)]) expect(world.control.executions(runId)).toBe(1);
  });
});
