import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { JOBS } from '@runner/kube';
import { startAgent } from '../agent-process.ts';
import { AGENT_ID, testControlPlane } from '../control-plane.ts';
import { NAMESPACE, testKubernetes } from '../kubernetes.ts';
import { testToken } from '../tokens.ts';

const TOKEN = testToken({ sub: 'ingestion-bot' });
const usual = (url: string) => ({ AGENT_ID, AUTH_TOKEN: TOKEN, SERVER_URL: url, RECONNECT_DELAY_SECONDS: '0.1' });
const isOver = (row: { readonly endedAt?: number }): boolean => row.endedAt !== undefined;

describe('an agent with Jobs', () => {
  it('says where it makes them, runs one, and sends its log and its outcome', async () => {
    await using kubernetes = await testKubernetes();
    await using controlPlane = await testControlPlane();
    await using agent = startAgent({ env: { ...usual(controlPlane.url), ...kubernetes.env } });
    expect(await agent.line('workloads are Jobs of this cluster')).toMatchObject({
      namespace: NAMESPACE,
      server: kubernetes.server.url,
    });
    expect((await agent.line(/^agent /)).message).toContain('executor=k8s secretsManager=kubernetes');
    await controlPlane.untilActive();
    const runId = randomUUID();
    controlPlane.submit({ runId });
    const job = await kubernetes.running(runId);
    kubernetes.cluster.print(job, 'hello from the Job\n');
    await controlPlane.untilPrinted(runId);
    kubernetes.cluster.exit(job, 3);
    const row = await controlPlane.until('the outcome', runId, isOver);
    expect(row).toMatchObject({ state: 'failed', outcome: { exitCode: 3 } });
    expect(await controlPlane.log(runId)).toBe('hello from the Job\n');
    agent.kill('SIGTERM');
    expect(await agent.exit).toMatchObject({ code: 0 });
  });

  it('hands the settings of its environment to the pod', async () => {
    await using kubernetes = await testKubernetes();
    await using controlPlane = await testControlPlane();
    await using agent = startAgent({
      env: {
        ...usual(controlPlane.url),
        ...kubernetes.env,
        CONFIG_DELIVERY: 'inline',
        SECRETS_MANAGER: 'managed-aws',
        INGESTION_EXTRA_ENVS: '[AWS_REGION:eu-west-1]',
        INGESTION_POD_LABELS: 'team=data',
        INGESTION_IMAGE_PULL_SECRETS: 'registry',
        INGESTION_POD_GRACE_SECONDS: '7',
        INGESTION_TTL_SECONDS: '7200',
        SIMPLEK8S_PIPELINE_TYPE_CONFIGS: '{"metadata":{"nodeSelector":{"pool":"big"}}}',
      },
    });
    await controlPlane.untilActive();
    const runId = randomUUID();
    controlPlane.submit({
      runId,
      config: { workflowConfig: { openMetadataServerConfig: { secretsManagerProvider: 'db' } } },
      openMetadataVersion: '1.11.1',
    });
    await kubernetes.running(runId);
    const [job] = kubernetes.server.objects(JOBS, NAMESPACE);
    expect(job?.spec?.ttlSecondsAfterFinished).toBe(7200);
    expect(job?.spec?.template.metadata?.labels).toMatchObject({ team: 'data' });
    const pod = job?.spec?.template.spec;
    expect(pod).toMatchObject({
      nodeSelector: { pool: 'big' },
      imagePullSecrets: [{ name: 'registry' }],
      terminationGracePeriodSeconds: 7,
      serviceAccountName: 'ingestion',
    });
    const main = pod?.containers[0];
    expect(main?.image).toBe('example.test/ingestion:om-1.11.1-cl-1.11.1');
    const env = new Map((main?.env ?? []).map(({ name, value }) => [name, value]));
    expect(env.get('AWS_DEFAULT_REGION')).toBe('eu-west-1');
    expect(JSON.parse(env.get('config') ?? '{}')).toMatchObject({
      workflowConfig: {
        openMetadataServerConfig: { secretsManagerProvider: 'managed-aws', secretsManagerLoader: 'env' },
      },
    });
    expect(agent.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('asks the API server for one create and one log of a healthy run, and watches twice, however many there are', async () => {
    await using kubernetes = await testKubernetes();
    await using controlPlane = await testControlPlane();
    await using agent = startAgent({
      env: { ...usual(controlPlane.url), ...kubernetes.env, CONFIG_DELIVERY: 'inline' },
    });
    await controlPlane.untilActive();
    const whole = async (runId: string): Promise<void> => {
      controlPlane.submit({ runId });
      const job = await kubernetes.running(runId);
      kubernetes.cluster.print(job, 'hello\n');
      await controlPlane.until('its acceptance', runId, ({ accepted }) => accepted);
      const log = controlPlane.log(runId);
      kubernetes.cluster.exit(job, 0);
      await controlPlane.until('the outcome', runId, isOver);
      expect(await log).toBe('hello\n');
    };
    await whole(randomUUID());
    const before = kubernetes.server.calls.length;
    const runs = Array.from({ length: 10 }, () => randomUUID());
    await Promise.all(runs.map(whole));
    const calls = kubernetes.server.calls.slice(before).filter(({ verb }) => verb !== 'watch');
    const names = calls.map(({ verb, resource }) => `${verb} ${resource}`).sort();
    expect(names).toEqual([...runs.map(() => 'create jobs'), ...runs.map(() => 'log pods')]);
    expect(kubernetes.server.openWatches()).toBe(2);
    expect(agent.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('holds its limit through a thousand starts at once, and all of them finish', async () => {
    const [total, limit] = [1_000, 25];
    await using kubernetes = await testKubernetes();
    await using controlPlane = await testControlPlane();
    let most = 0;
    kubernetes.onJob(() => (most = Math.max(most, kubernetes.live())));
    kubernetes.endAtOnce();
    await using agent = startAgent({
      env: { ...usual(controlPlane.url), ...kubernetes.env, MAX_CONCURRENT_RUNS: String(limit) },
    });
    await controlPlane.untilActive();
    const runs = Array.from({ length: total }, () => randomUUID());
    for (const runId of runs) controlPlane.submit({ runId });
    for (const runId of runs) {
      const row = await controlPlane.until('the outcome', runId, isOver);
      expect(row.state, agent.output).toBe('succeeded');
    }
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(limit);
    const starts = kubernetes.server
      .objects(JOBS)
      .map(({ metadata }) => kubernetes.cluster.starts(metadata?.name ?? ''));
    expect(starts).toEqual(Array.from({ length: total }, () => 1));
  });
});

describe('the metrics of an agent with Jobs', () => {
  it('tell what waits and why, how old the picture of the workloads is, and that the API asked for fewer calls', async () => {
    await using kubernetes = await testKubernetes();
    await using controlPlane = await testControlPlane();
    const message = '0/1 nodes are available: 1 node(s) had untolerated taint {dedicated: db}.';
    kubernetes.cluster.trouble({ kind: 'unschedulable', message });
    await using agent = startAgent({ env: { ...usual(controlPlane.url), ...kubernetes.env } });
    await controlPlane.untilActive();
    const open = agent.lines.find(({ endpoint }) => endpoint === 'metrics');
    const value = async (sample: string): Promise<number> => {
      const text = await (await fetch(`http://127.0.0.1:${String(open?.port)}/metrics`)).text();
      const line = text.split('\n').find((one) => one.startsWith(`collate_hybrid_agent_${sample} `));
      return Number(line?.split(' ').at(-1));
    };
    kubernetes.server.fault(
      { kind: 'status', status: 429, retryAfterSeconds: 0 },
      { verb: 'create', resource: 'jobs', times: 2 },
    );
    const runId = randomUUID();
    controlPlane.submit({ runId });
    await controlPlane.until('the diagnosis', runId, ({ diagnosis }) => diagnosis?.category === 'scheduling');
    expect(await value('api_throttled_total')).toBe(2);
    expect(await value('runs_pending{category="scheduling"}')).toBe(1);
    expect(await value('run_pending_seconds_max{category="scheduling"}')).toBeGreaterThan(0);
    expect(await value('watch_age_seconds')).toBeLessThan(60);
    kubernetes.cluster.trouble(undefined);
    kubernetes.cluster.exit(await kubernetes.running(runId), 0);
    await controlPlane.until('the outcome', runId, isOver);
    expect(await value('runs_pending{category="scheduling"}')).toBe(0);
  });
});

describe('an agent that cannot work in its cluster', () => {
  it('because a right is missing says which, and what it was for, and goes on', async () => {
    await using kubernetes = await testKubernetes();
    await using controlPlane = await testControlPlane();
    writeFileSync(
      kubernetes.env['KUBECONFIG'] ?? '',
      kubernetes.server.kubeconfig(
        [{ group: 'batch', resources: ['jobs'], verbs: ['create', 'get', 'list', 'watch', 'patch'] }],
        NAMESPACE,
      ),
    );
    await using agent = startAgent({ env: { ...usual(controlPlane.url), ...kubernetes.env } });
    expect(await agent.line(/may not .*pods/)).toMatchObject({
      level: 'error',
      code: 'permission_missing',
      hint: expect.stringContaining('Role') as string,
    });
    await controlPlane.untilActive();
  });

  it('because it is not let in says so, and connects all the same', async () => {
    await using kubernetes = await testKubernetes();
    await using controlPlane = await testControlPlane();
    kubernetes.server.fault({ kind: 'status', status: 401 });
    await using agent = startAgent({ env: { ...usual(controlPlane.url), ...kubernetes.env } });
    await controlPlane.untilActive();
    expect(await agent.line(/^preflight: The API server .* cannot be asked/)).toMatchObject({ level: 'error' });
  });

  it('because the kubeconfig makes no sense exits with 78', async () => {
    await using kubernetes = await testKubernetes();
    writeFileSync(kubernetes.env['KUBECONFIG'] ?? '', 'apiVersion: v1\nkind: Config\n');
    await using agent = startAgent({ env: { ...usual('ws://127.0.0.1:9'), ...kubernetes.env } });
    expect(await agent.exit).toEqual({ code: 78, signal: null });
    expect(agent.lines.at(-1)).toMatchObject({ level: 'error', error: { code: 'kube_config_invalid' } });
  });
});
