import { LONG_MS } from '@runner/e2e';
import { eventually } from '@runner/faults';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { agentPods } from '../support/agents.ts';
import { withHelm } from '../support/charts.ts';
import type { ChartNamespace } from '../support/cluster.ts';
import { kubectlCommand, succeed } from '../support/cluster.ts';
import type { Deployment } from '../support/deployment.ts';
import { openDeployment } from '../support/deployment.ts';

const AGENT = 'figures';
const RUNS = 100;
const ALL_WITHIN_MS = 240_000;
/** What the chart asks for the runner when nobody says otherwise. */
const REQUESTED_MIB = 128;

const READ_STATUS = 'require("fs").readFileSync("/proc/1/status", "utf8")';

withHelm('the pod of the runner with the resources of the chart', () => {
  let company: Deployment;
  let namespace: ChartNamespace;
  beforeAll(async () => {
    company = await openDeployment();
    namespace = await company.namespace('figures');
  });
  afterAll(() => company[Symbol.asyncDispose]());

  /** Resident memory of the agent now and at its peak (MiB), as the kernel counts it. */
  async function memoryOf(pod: string): Promise<{ readonly now: number; readonly peak: number }> {
    const command = ['exec', pod, '--namespace', namespace.name, '--', '/nodejs/bin/node', '-p', READ_STATUS];
    const status = await succeed(kubectlCommand(command));
    const mebibytes = (field: string): number =>
      Math.round(Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1_024);
    return { now: mebibytes('VmRSS'), peak: mebibytes('VmHWM') };
  }

  it(`holds ${RUNS} runs at once in the memory that it asks for`, async () => {
    const started = Date.now();
    const installing = company.release('figures', namespace).install(
      company.values(AGENT, {
        ecrRegistryHelper: { enabled: false },
        extraEnvs: [{ name: 'MAX_CONCURRENT_RUNS', value: RUNS }],
        config: { ingestionPods: { resources: { requests: { cpu: '1m', memory: '8Mi' } } } },
      }),
    );
    await company.active(AGENT);
    const activeAfter = Date.now() - started;
    await installing;
    const pod = await eventually(
      'the pod is ready',
      async () => (await agentPods(namespace.name)).find(({ ready }) => ready),
      LONG_MS,
    );
    const idle = await memoryOf(pod.name);

    const service = await company.service(AGENT);
    const runs = await Promise.all(Array.from({ length: RUNS }, () => service.trigger()));
    const programs = await Promise.all(runs.map((runId) => company.world.control.program(runId, ALL_WITHIN_MS)));
    await Promise.all(programs.map((program) => program.print('a line of a log\n', 100)));
    await Promise.all(
      runs.map((runId) =>
        company.world.until(runId, 'it is running', ({ state }) => state === 'running', ALL_WITHIN_MS),
      ),
    );
    const busy = await memoryOf(pod.name);
    for (const program of programs) program.exit(0);
    const ended = await Promise.all(runs.map((runId) => company.world.ended(runId, ALL_WITHIN_MS)));
    const after = await memoryOf(pod.name);
    console.log(
      `agent in its pod: Active ${activeAfter} ms after helm install; resident ${idle.now} MiB idle, ${busy.now} MiB with ` +
        `${RUNS} runs, at most ${after.peak} MiB; the chart requests ${REQUESTED_MIB} MiB`,
    );
    expect(new Set(ended.map(({ state }) => state))).toEqual(new Set(['succeeded']));
    expect(runs.map((runId) => company.world.control.executions(runId))).toEqual(runs.map(() => 1));
    expect((await agentPods(namespace.name)).map(({ uid, restarts }) => ({ uid, restarts }))).toEqual([
      { uid: pod.uid, restarts: 0 },
    ]);
    expect(idle.now).toBeLessThanOrEqual(REQUESTED_MIB);
    expect(busy.now).toBeLessThanOrEqual(REQUESTED_MIB);
  });
});
