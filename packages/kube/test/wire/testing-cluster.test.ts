import { describe, expect, it } from 'vitest';
import { CONFIG_MAPS, EVENTS, JOBS, PODS, SECRETS } from '../../src/objects.ts';
import type { Job, Pod } from '../../src/objects.ts';
import { startTestApiServer, startTestCluster } from '../../src/testing/index.ts';
import type { TestApiServer, TestCluster, TestClusterOptions } from '../../src/testing/index.ts';
import { JOBS_PATH, MERGE_PATCH, job, speaker, until } from '../support/testing-http.ts';

/** A server, a cluster whose seconds are short, and somebody who speaks to them. */
async function place(options: TestClusterOptions = {}) {
  const server = await startTestApiServer();
  const cluster = startTestCluster(server, { secondMs: 20, ...options });
  const { ask } = speaker(server);
  return {
    server,
    cluster,
    ask,
    create: async (...args: Parameters<typeof job>) => {
      expect((await ask('POST', JOBS_PATH, job(...args))).status).toBe(201);
    },
    patch: async (name: string, patch: object) => {
      expect((await ask('PATCH', `${JOBS_PATH}/${name}`, patch, MERGE_PATCH)).status).toBe(200);
    },
    job: (name: string) => server.object(JOBS, 'default', name),
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** What the conditions of a Job were, in order, as they changed. */
function history(server: TestApiServer, name: string): readonly string[] {
  const seen: string[] = [];
  server.onChange((type, _event, object) => {
    if (type.plural !== 'jobs' || object.metadata?.name !== name) return;
    const now = conditions(object).join(' ');
    if (seen.at(-1) !== now) seen.push(now);
  });
  return seen;
}

const conditions = (object: Job | undefined): readonly string[] =>
  (object?.status?.conditions ?? []).map((one) => `${one.type}=${one.status}/${one.reason ?? ''}`);

const running = async (cluster: TestCluster, name: string): Promise<unknown> =>
  await until(`${name} runs`, () => (cluster.starts(name) > 0 ? true : undefined));

const ended = (object: Job | undefined): true | undefined =>
  object?.status?.conditions?.some((one) => ['Complete', 'Failed'].includes(one.type)) === true ? true : undefined;

const state = (pod: Pod | undefined): object | undefined => pod?.status?.containerStatuses?.[0]?.state;
const events = (server: TestApiServer): readonly string[] =>
  server.objects(EVENTS).map((one) => `${one.involvedObject.kind ?? ''} ${one.reason ?? ''}: ${one.message ?? ''}`);

describe('a Job that goes well', () => {
  it('gets a pod of its own, runs, and completes in two steps', async () => {
    await using here = await place();
    const seen = history(here.server, 'a');
    await here.create('a');
    await running(here.cluster, 'a');
    const pod = here.cluster.pod('a');
    const uid = here.job('a')?.metadata?.uid;
    expect(pod).toMatchObject({
      metadata: {
        labels: { 'batch.kubernetes.io/job-name': 'a', 'job-name': 'a', 'controller-uid': uid },
        ownerReferences: [{ kind: 'Job', name: 'a', uid, controller: true, blockOwnerDeletion: true }],
        finalizers: ['batch.kubernetes.io/job-tracking'],
      },
      spec: { nodeName: 'test-node', serviceAccountName: 'default' },
      status: { phase: 'Running' },
    });
    here.cluster.print('a', 'hello\n');
    here.cluster.exit('a', 0);
    await until('it ends', () => ended(here.job('a')));
    const met = 'SuccessCriteriaMet=True/CompletionsReached';
    expect(seen).toEqual(['', met, `${met} Complete=True/CompletionsReached`]);
    expect(here.job('a')?.status).toMatchObject({ succeeded: 1, ready: 0, terminating: 0 });
    expect(here.job('a')?.status?.completionTime).toBeDefined();
    const after = here.cluster.pod('a');
    expect(after?.status?.phase).toBe('Succeeded');
    expect(state(after)).toMatchObject({ terminated: { exitCode: 0, reason: 'Completed' } });
    await until('its finalizer is gone', () => here.cluster.pod('a')?.metadata?.finalizers === undefined || undefined);
    const log = await here.ask('GET', `/api/v1/namespaces/default/pods/${pod?.metadata?.name ?? ''}/log`);
    expect(log.text).toBe('hello\n');
  });

  it('shows the end of its container before the end of its pod', async () => {
    await using here = await place();
    const phases: string[] = [];
    here.server.onChange((type, _event, object) => {
      const pod = object as Pod;
      if (type.plural === 'pods') phases.push(`${pod.status?.phase ?? ''} ${Object.keys(state(pod) ?? {}).join('')}`);
    });
    await here.create('a');
    await running(here.cluster, 'a');
    here.cluster.exit('a', 0);
    await until('it ends', () => ended(here.job('a')));
    expect([...new Set(phases)]).toEqual([
      'Pending ',
      'Pending waiting',
      'Running running',
      'Running terminated',
      'Succeeded terminated',
    ]);
  });

  it('ends as soon as it began when it was told so before', async () => {
    await using here = await place();
    here.cluster.trouble({ kind: 'unschedulable', message: 'no room' });
    await here.create('a');
    await until(
      'it waits',
      () => here.cluster.pod('a')?.status?.conditions?.[0]?.reason === 'Unschedulable' || undefined,
    );
    here.cluster.exit('a', 7);
    here.cluster.trouble(undefined);
    await until('it ends', () => ended(here.job('a')));
    expect([here.cluster.starts('a'), state(here.cluster.pod('a'))]).toMatchObject([
      1,
      { terminated: { exitCode: 7 } },
    ]);
  });
});

describe('a Job that fails', () => {
  const target = 'FailureTarget=True/BackoffLimitExceeded';

  it('says why before it has failed', async () => {
    await using here = await place();
    const seen = history(here.server, 'a');
    await here.create('a');
    await running(here.cluster, 'a');
    here.cluster.exit('a', 3);
    await until('it ends', () => ended(here.job('a')));
    expect(seen).toEqual(['', target, `${target} Failed=True/BackoffLimitExceeded`]);
    expect(here.job('a')?.status).toMatchObject({ failed: 1 });
    expect(here.job('a')?.status?.completionTime).toBeUndefined();
  });

  it('tells a container that was out of memory, an eviction and a program that is not there', async () => {
    await using here = await place();
    for (const name of ['oom', 'evicted', 'missing']) {
      await here.create(name);
      await running(here.cluster, name);
    }
    here.cluster.oomKill('oom');
    here.cluster.evict('evicted');
    here.cluster.exit('missing', 128, { reason: 'StartError', message: 'executable file not found in $PATH' });
    for (const name of ['oom', 'evicted', 'missing']) await until('it ends', () => ended(here.job(name)));
    expect(state(here.cluster.pod('oom'))).toMatchObject({ terminated: { exitCode: 137, reason: 'OOMKilled' } });
    expect(here.cluster.pod('evicted')?.status).toMatchObject({
      phase: 'Failed',
      reason: 'Evicted',
      conditions: expect.arrayContaining([
        expect.objectContaining({ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet' }),
      ]) as unknown,
    });
    expect(state(here.cluster.pod('missing'))).toMatchObject({ terminated: { exitCode: 128, reason: 'StartError' } });
  });

  it('is failed by the deletion of its pod as soon as that begins, and has failed when the pod is gone', async () => {
    await using here = await place();
    const seen = history(here.server, 'a');
    await here.create('a', {}, { terminationGracePeriodSeconds: 3 });
    await running(here.cluster, 'a');
    here.cluster.resist('a');
    const name = here.cluster.pod('a')?.metadata?.name ?? '';
    here.server.delete(PODS, 'default', name);
    await until('it is to fail', () => (seen.at(-1) === target ? true : undefined));
    expect(here.cluster.pod('a')?.status?.phase).toBe('Running');
    await until('it ends', () => ended(here.job('a')));
    expect(here.cluster.pod('a')).toBeUndefined();
    expect(here.cluster.starts('a')).toBe(1);
  });

  it('is deleted with its pod when the scheduler needs the room', async () => {
    await using here = await place();
    await here.create('a');
    await running(here.cluster, 'a');
    const reasons: unknown[] = [];
    here.server.onChange((type, _event, object) => {
      if (type.plural === 'pods') reasons.push((object as Pod).status?.conditions?.[0]?.reason);
    });
    here.cluster.evict('a', 'preempted');
    await until('it ends', () => ended(here.job('a')));
    expect(reasons).toContain('PreemptionByScheduler');
    expect(here.server.objects(PODS)).toEqual([]);
  });

  it('waits for a node that is lost', async () => {
    await using here = await place();
    await here.create('a');
    await running(here.cluster, 'a');
    const name = here.cluster.pod('a')?.metadata?.name ?? '';
    here.cluster.loseNode('a');
    await until('it is to fail', () => (conditions(here.job('a')).includes(target) ? true : undefined));
    expect(here.cluster.pod('a')?.metadata?.deletionTimestamp).toBeDefined();
    expect((await here.ask('GET', `/api/v1/namespaces/default/pods/${name}/log`)).status).toBe(500);
    expect(ended(here.job('a'))).toBeUndefined();
    here.cluster.nodeBack('a');
    await until('it ends', () => ended(here.job('a')));
    expect(here.cluster.pod('a')).toBeUndefined();
  });

  it('makes another pod after a pause while it may', async () => {
    await using here = await place({ secondMs: 2 });
    await here.create('a', { backoffLimit: 1 });
    await running(here.cluster, 'a');
    here.cluster.exit('a', 1);
    await until('it runs again', () => (here.cluster.starts('a') === 2 ? true : undefined));
    expect(ended(here.job('a'))).toBeUndefined();
    here.cluster.exit('a', 0);
    await until('it ends', () => ended(here.job('a')));
    expect(here.job('a')?.status).toMatchObject({ succeeded: 1, failed: 1 });
  });
});

describe('a Job that is ended', () => {
  const target = 'FailureTarget=True/DeadlineExceeded';

  it('ends in place by a deadline that has passed, and has failed when its pods are gone', async () => {
    await using here = await place();
    const seen = history(here.server, 'a');
    await here.create('a', {}, { terminationGracePeriodSeconds: 4 });
    await running(here.cluster, 'a');
    here.cluster.resist('a');
    await here.patch('a', { spec: { activeDeadlineSeconds: 1 } });
    await until('it is to fail', () => (seen.at(-1) === target ? true : undefined));
    expect(here.cluster.pod('a')).toMatchObject({
      metadata: { deletionGracePeriodSeconds: 4 },
      status: { phase: 'Running' },
    });
    await until('it ends', () => ended(here.job('a')));
    expect(seen.at(-1)).toBe(`${target} Failed=True/DeadlineExceeded`);
    expect(here.job('a')?.status).toMatchObject({ failed: 1, terminating: 0 });
    expect(here.server.objects(PODS)).toEqual([]);
    expect(events(here.server)).toContain('Job DeadlineExceeded: Job was active longer than specified deadline');
  });

  it('ends without ever having had a pod', async () => {
    await using here = await place();
    here.cluster.trouble({ kind: 'no_pod', message: 'pods "a-" is forbidden: violates PodSecurity' });
    await here.create('a', { activeDeadlineSeconds: 2 });
    await until('it ends', () => ended(here.job('a')));
    expect(conditions(here.job('a'))).toEqual([target, 'Failed=True/DeadlineExceeded']);
    expect(here.cluster.starts('a')).toBe(0);
    expect(events(here.server)).toContain(
      'Job FailedCreate: Error creating: pods "a-" is forbidden: violates PodSecurity',
    );
  });

  it('has a pod that fails by its own deadline', async () => {
    await using here = await place();
    await here.create('a', {}, { activeDeadlineSeconds: 2 });
    await until('it ends', () => ended(here.job('a')));
    expect(conditions(here.job('a'))).toContain('Failed=True/BackoffLimitExceeded');
    expect(here.cluster.pod('a')?.status).toMatchObject({
      phase: 'Failed',
      reason: 'DeadlineExceeded',
      message: 'Pod was active on the node longer than the specified deadline',
    });
  });

  it('goes in the foreground after its pods', async () => {
    await using here = await place();
    await here.create('a', {}, { terminationGracePeriodSeconds: 4 });
    await running(here.cluster, 'a');
    here.cluster.resist('a');
    const order: string[] = [];
    here.server.onChange((type, event) => {
      if (event === 'DELETED') order.push(type.plural);
    });
    await here.ask('DELETE', `${JOBS_PATH}/a`, { propagationPolicy: 'Foreground' });
    expect(here.job('a')?.metadata?.finalizers).toEqual(['foregroundDeletion']);
    await until('it is gone', () => (here.job('a') === undefined ? true : undefined));
    expect(order).toEqual(['pods', 'jobs']);
  });
});

describe('a Job that is held back', () => {
  it('has no pod while it is suspended, and loses the one it has', async () => {
    await using here = await place();
    await here.create('a', { suspend: true, activeDeadlineSeconds: 50 });
    await until('it is suspended', () =>
      conditions(here.job('a')).includes('Suspended=True/JobSuspended') ? true : undefined,
    );
    expect(here.job('a')?.status?.startTime).toBeUndefined();
    await here.patch('a', { spec: { suspend: false } });
    await running(here.cluster, 'a');
    expect(conditions(here.job('a'))).toEqual(['Suspended=False/JobResumed']);
    await here.patch('a', { spec: { suspend: true } });
    await until('its pod is gone', () => (here.cluster.pod('a') === undefined ? true : undefined));
    await until('it is suspended again', () =>
      conditions(here.job('a')).includes('Suspended=True/JobSuspended') ? true : undefined,
    );
    expect(here.job('a')?.status?.failed).toBeUndefined();
  });

  it('has no deadline while it is suspended', async () => {
    await using here = await place();
    await here.create('held', { suspend: true, activeDeadlineSeconds: 1 });
    await here.create('other', { activeDeadlineSeconds: 3 });
    await until('the other one ends', () => ended(here.job('other')));
    expect(conditions(here.job('held'))).toEqual(['Suspended=True/JobSuspended']);
  });

  it('loses its pods when it wants none any more', async () => {
    await using here = await place();
    await here.create('a');
    await running(here.cluster, 'a');
    await here.patch('a', { spec: { parallelism: 0 } });
    await until('its pod is gone', () => (here.server.objects(PODS).length === 0 ? true : undefined));
    await until('it is counted', () => (here.job('a')?.status?.terminating === 0 ? true : undefined));
    expect([conditions(here.job('a')), here.job('a')?.status?.failed]).toEqual([[], undefined]);
  });
});

describe('a pod in trouble', () => {
  it('says why it is not scheduled, and goes on when it can', async () => {
    await using here = await place();
    here.cluster.trouble({ kind: 'unschedulable', message: '0/1 nodes are available' }, (name) => name === 'a');
    await here.create('a');
    await here.create('b');
    await running(here.cluster, 'b');
    await until(
      'it waits',
      () => here.cluster.pod('a')?.status?.conditions?.[0]?.reason === 'Unschedulable' || undefined,
    );
    expect(here.cluster.pod('a')?.spec?.nodeName).toBeUndefined();
    expect(events(here.server)).toContain('Pod FailedScheduling: 0/1 nodes are available');
    here.cluster.trouble(undefined);
    await running(here.cluster, 'a');
  });

  it('says what its container waits for', async () => {
    await using here = await place();
    here.cluster.trouble({ kind: 'waiting', reason: 'ImagePullBackOff', message: 'not found' });
    await here.create('a');
    await until('it waits', () =>
      JSON.stringify(state(here.cluster.pod('a')) ?? '').includes('BackOff') ? true : undefined,
    );
    expect(state(here.cluster.pod('a'))).toEqual({ waiting: { reason: 'ImagePullBackOff', message: 'not found' } });
    expect(events(here.server)).toContain('Pod Failed: Failed to pull image "registry.test/ingestion:1": not found');
    here.cluster.trouble({ kind: 'creating', reason: 'FailedMount', message: 'secret "s" not found' });
    await until(
      'it waits for a volume',
      () => events(here.server).includes('Pod FailedMount: secret "s" not found') || undefined,
    );
    expect(state(here.cluster.pod('a'))).toEqual({ waiting: { reason: 'ContainerCreating' } });
    await here.patch('a', { spec: { activeDeadlineSeconds: 1 } });
    await until('it ends', () => ended(here.job('a')));
    expect(here.server.objects(PODS)).toEqual([]);
  });

  it('is not made when the quota is used up, and is when there is room', async () => {
    await using here = await place();
    here.server.quota('default', 'pods', 1);
    await here.create('a');
    await running(here.cluster, 'a');
    await here.create('b');
    await until(
      'it is refused',
      () =>
        events(here.server).some((one) => one.startsWith('Job FailedCreate: Error creating: pods "b-')) || undefined,
    );
    here.cluster.exit('a', 0);
    await running(here.cluster, 'b');
  });
});

it.each(['Background', 'Orphan'] as const)('lets go of the pods of a Job whose deletion is %s', async (propagation) => {
  await using here = await place();
  await here.create('a');
  await running(here.cluster, 'a');
  const name = here.cluster.pod('a')?.metadata?.name ?? '';
  here.server.delete(JOBS, 'default', 'a', { propagation });
  expect(here.job('a')).toBeUndefined();
  if (propagation === 'Orphan') {
    await until('it is free', () => here.cluster.pod('a')?.metadata?.finalizers === undefined || undefined);
    expect(here.cluster.pod('a')?.status?.phase).toBe('Running');
    here.server.delete(PODS, 'default', name);
  }
  await until('its pod is gone', () => (here.server.objects(PODS).length === 0 ? true : undefined));
});

it('deletes a Job when its time to live is over', async () => {
  await using here = await place();
  await here.create('a', { ttlSecondsAfterFinished: 3 });
  await running(here.cluster, 'a');
  here.cluster.exit('a', 0);
  await until('it ends', () => ended(here.job('a')));
  await until('it is gone', () => (here.job('a') === undefined ? true : undefined));
  await until('its pod is gone', () => (here.server.objects(PODS).length === 0 ? true : undefined));
});

it('ends Jobs as Kubernetes 1.28 did: at once, while the pods are still going', async () => {
  await using here = await place({ conditions: '1.28' });
  const seen = history(here.server, 'a');
  await here.create('a', {}, { terminationGracePeriodSeconds: 5 });
  await here.create('b');
  await running(here.cluster, 'a');
  await running(here.cluster, 'b');
  here.cluster.resist('a');
  here.cluster.exit('b', 0);
  await here.patch('a', { spec: { activeDeadlineSeconds: 1 } });
  await until('it ends', () => ended(here.job('a')));
  expect(seen).toEqual(['', 'Failed=True/DeadlineExceeded']);
  expect(here.cluster.pod('a')?.status?.phase).toBe('Running');
  await until('its pod is gone', () => (here.cluster.pod('a') === undefined ? true : undefined));
  expect(here.job('a')?.status).toMatchObject({ failed: 1 });
  await until('the other one ends', () => ended(here.job('b')));
  expect(conditions(here.job('b'))).toEqual(['Complete=True/']);
  expect(here.job('b')?.status).not.toHaveProperty('terminating');
});

it('plays pods that no Job owns, and leaves alone those that are put as they are', async () => {
  await using here = await place();
  const containers = [{ name: 'main', image: 'x' }];
  const path = '/api/v1/namespaces/default/pods';
  await here.ask('POST', path, { metadata: { name: 'alone' }, spec: { containers, restartPolicy: 'Never' } });
  here.server.put(PODS, {
    metadata: { name: 'put' },
    spec: { containers, nodeName: 'n' },
    status: { phase: 'Running' },
  });
  await running(here.cluster, 'alone');
  here.cluster.exit('alone', 2);
  await until('it ends', () => (here.cluster.pod('alone')?.status?.phase === 'Failed' ? true : undefined));
  await here.ask('DELETE', `${path}/alone`);
  expect(here.server.objects(PODS).map((pod) => [pod.metadata?.name, pod.status?.phase])).toEqual([['put', 'Running']]);
});

it.each([
  ['secretKeyRef', SECRETS, 'Secret'],
  ['configMapKeyRef', CONFIG_MAPS, 'ConfigMap'],
] as const)(
  'keeps a container back until the object of its %s is there, and says what lacks',
  async (ref, type, kind) => {
    await using here = await place();
    const env = [
      { name: 'needed', valueFrom: { [ref]: { name: 'x', key: 'k' } } },
      { name: 'welcome', valueFrom: { [ref]: { name: 'y', key: 'k', optional: true } } },
    ];
    const containers = [{ name: 'main', image: 'x', env }];
    const metadata = { name: 'needy', namespace: 'default' };
    await here.ask('POST', '/api/v1/namespaces/default/pods', {
      metadata,
      spec: { containers, restartPolicy: 'Never' },
    });
    const says = async (message: string): Promise<unknown> =>
      await until(message, () =>
        JSON.stringify(state(here.cluster.pod('needy'))) ===
        JSON.stringify({ waiting: { reason: 'CreateContainerConfigError', message } })
          ? true
          : undefined,
      );
    await says(`${kind.toLowerCase()} "x" not found`);
    here.server.put(type, { metadata: { name: 'x', namespace: 'default' }, data: { other: 'b3RoZXI=' } });
    await says(`couldn't find key k in ${kind} default/x`);
    expect(here.cluster.starts('needy')).toBe(0);
    here.server.put(type, { metadata: { name: 'x', namespace: 'default' }, data: { k: 'dmFsdWU=' } });
    await running(here.cluster, 'needy');
  },
);

it('takes on what stood there before it began', async () => {
  await using server = await startTestApiServer();
  await speaker(server).ask('POST', JOBS_PATH, job('a'));
  await using cluster = startTestCluster(server);
  await running(cluster, 'a');
});

it('runs 500 Jobs to their end', async () => {
  await using here = await place();
  const names = Array.from({ length: 500 }, (_, i) => `job-${i}`);
  const { ask } = speaker(here.server);
  for (let i = 0; i < names.length; i += 50) {
    await Promise.all(names.slice(i, i + 50).map((name) => ask('POST', JOBS_PATH, job(name))));
  }
  await until('all run', () => (names.every((name) => here.cluster.starts(name) === 1) ? true : undefined), 15_000);
  for (const name of names) here.cluster.exit(name, 0);
  await until('all end', () => (names.every((name) => ended(here.job(name))) ? true : undefined), 15_000);
  expect(names.reduce((sum, name) => sum + here.cluster.starts(name), 0)).toBe(500);
});
