import { Buffer } from 'node:buffer';
import { until } from '@runner/core/testing';
import { RUN_ID_LABEL, workloadName } from '@runner/executor';
import { testRunSpec } from '@runner/executor/testing';
import { CONFIG_MAPS, JOBS, PODS, SECRETS } from '@runner/kube';
import { describe, expect, it } from 'vitest';
import { NAMESPACE, memorySubject } from '../support/memory-subject.ts';
import { calm, watched } from '../support/watching.ts';

const config = { source: { type: 'postgres' }, marked: 'the config of this run' };
const spec = testRunSpec({ config });

describe('the config of a run', () => {
  it('is in a Secret that the Job owns, and nowhere else', async () => {
    await using subject = await memorySubject();
    await subject.executor.submit(spec, calm);
    const [secret] = subject.server.objects(SECRETS, NAMESPACE);
    const [job] = subject.server.objects(JOBS, NAMESPACE);
    expect(JSON.parse(Buffer.from(secret?.data?.['config'] ?? '', 'base64').toString())).toEqual(config);
    expect(secret?.metadata?.ownerReferences).toMatchObject([{ kind: 'Job', uid: job?.metadata?.uid }]);
    expect(JSON.stringify(job)).not.toContain(config.marked);
    await until('the program runs', () => subject.cluster.starts(subject.job(spec.runId)) === 1);
  });

  it('goes when the Job goes', async () => {
    await using subject = await memorySubject();
    await subject.executor.submit(spec, calm);
    subject.server.delete(JOBS, NAMESPACE, subject.job(spec.runId));
    await until('the Secret is gone', () => subject.server.objects(SECRETS, NAMESPACE).length === 0);
  });

  it('is in the Job where Secrets may not be created', async () => {
    const rights = [
      { group: 'batch', resources: ['jobs'], verbs: ['create', 'get', 'list'] },
      { group: '', resources: ['pods'], verbs: ['list'] },
    ];
    await using subject = await memorySubject({ rights });
    await subject.executor.submit(spec, calm);
    await subject.executor.submit(testRunSpec(), calm);
    expect(JSON.stringify(subject.server.objects(JOBS, NAMESPACE))).toContain(config.marked);
    const reviews = subject.server.calls.filter(({ resource }) => resource === 'selfsubjectaccessreviews');
    expect(reviews.length).toBe(1);
  });

  it('is completed when the agent died between Job and Secret', async () => {
    await using subject = await memorySubject({ delivery: 'secret' });
    const back = subject.server.fault({ kind: 'status', status: 403 }, { verb: 'create', resource: 'secrets' });
    await expect(subject.executor.submit(spec, calm)).rejects.toMatchObject({ retryable: true });
    back();
    expect(subject.server.objects(SECRETS, NAMESPACE)).toEqual([]);
    // The next agent delivers inline; the Job that stands says that it needs a Secret.
    const next = await subject.another({ delivery: 'inline' });
    expect((await next.submit(spec, calm)).created).toBe(false);
    expect(subject.server.objects(SECRETS, NAMESPACE)).toHaveLength(1);
    await until('the program runs', () => subject.cluster.starts(subject.job(spec.runId)) === 1);
  });

  it('is made anew when the Secret is of a former Job of the run', async () => {
    await using subject = await memorySubject({ delivery: 'secret' });
    const name = `${workloadName(spec)}-config`;
    subject.server.put(SECRETS, {
      metadata: {
        name,
        namespace: NAMESPACE,
        ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: workloadName(spec), uid: 'a former one' }],
      },
      data: { config: 'b2xk' },
    });
    await subject.executor.submit(spec, calm);
    const secret = subject.server.object(SECRETS, NAMESPACE, name);
    expect(Buffer.from(secret?.data?.['config'] ?? '', 'base64').toString()).toContain(config.marked);
  });

  it('is in a ConfigMap when that is asked for', async () => {
    await using subject = await memorySubject({ delivery: 'configmap' });
    await subject.executor.submit(spec, calm);
    const [map] = subject.server.objects(CONFIG_MAPS, NAMESPACE);
    expect(JSON.parse(map?.data?.['config'] ?? '')).toEqual(config);
  });
});

describe('a submit', () => {
  it('is the one that created the Job although the answer was lost', async () => {
    await using subject = await memorySubject({ delivery: 'inline' });
    subject.server.fault({ kind: 'reset', applied: true }, { verb: 'create', resource: 'jobs', times: 1 });
    expect((await subject.executor.submit(spec, calm)).created).toBe(true);
    expect((await subject.executor.submit(spec, calm)).created).toBe(false);
    expect(subject.server.objects(JOBS, NAMESPACE)).toHaveLength(1);
  });

  it('waits when a quota is used up', async () => {
    await using subject = await memorySubject();
    subject.server.quota(NAMESPACE, 'count/jobs.batch', 1);
    await subject.executor.submit(testRunSpec(), calm);
    await expect(subject.executor.submit(spec, calm)).rejects.toMatchObject({
      code: 'executor_waiting',
      retryable: true,
      message: expect.stringContaining('exceeded quota') as string,
    });
  });

  it('waits for a namespace that does not exist and says which setting names it', async () => {
    await using subject = await memorySubject();
    const elsewhere = await subject.another({ namespace: 'nowhere' });
    await expect(elsewhere.submit(spec, calm)).rejects.toMatchObject({
      code: 'executor_waiting',
      hint: expect.stringContaining('INGESTION_NAMESPACE') as string,
    });
  });

  it.each([
    [401, 'executor_unavailable', true],
    [403, 'executor_unavailable', true],
    [500, 'executor_unavailable', true],
    [429, 'executor_waiting', true],
    [422, 'invalid_spec', false],
  ] as const)('that is answered %d is %s', async (status, code, retryable) => {
    await using subject = await memorySubject({ delivery: 'inline' });
    subject.server.fault({ kind: 'status', status }, { verb: 'create', resource: 'jobs' });
    await expect(subject.executor.submit(spec, calm)).rejects.toMatchObject({ code, retryable });
  });

  it('leaves a Job of its name alone that is not of its run', async () => {
    await using subject = await memorySubject({ delivery: 'inline' });
    const other = testRunSpec({ owner: { ...spec.owner, agentId: 'other-agent' }, runId: spec.runId, name: spec.name });
    await subject.executor.submit(other, calm);
    await expect(subject.executor.submit(spec, calm)).rejects.toMatchObject({ code: 'invalid_spec' });
    const [job] = subject.server.objects(JOBS, NAMESPACE);
    subject.server.put(JOBS, { ...job, metadata: { ...job?.metadata, labels: {}, annotations: {} } });
    await expect(subject.executor.submit(spec, calm)).rejects.toMatchObject({ code: 'invalid_spec' });
    expect(subject.server.objects(JOBS, NAMESPACE)).toHaveLength(1);
  });
});

it('two agents in one namespace see nothing of each other', async () => {
  await using subject = await memorySubject();
  const other = await subject.another();
  const strange = testRunSpec({ owner: { ...spec.owner, agentId: 'other-agent' }, name: spec.name });
  await using mine = watched(subject.executor);
  await using theirs = watched(other, strange.owner);
  await subject.executor.submit(spec, calm);
  await other.submit(strange, calm);
  await mine.until(spec.runId, 'running');
  await theirs.until(strange.runId, 'running');
  expect(mine.story(strange.runId)).toEqual([]);
  expect(theirs.story(spec.runId)).toEqual([]);
  expect(await subject.executor.sweep(spec.owner, calm)).toBe(0);
});

it('does not take the Job of another tool for a run because of a label', async () => {
  await using subject = await memorySubject();
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'i' }] } };
  const labels = { [RUN_ID_LABEL]: spec.runId, 'app.kubernetes.io/managed-by': 'openmetadata' };
  subject.server.put(JOBS, {
    metadata: { name: 'om-job-of-the-server', namespace: NAMESPACE, labels },
    spec: { suspend: true, template: { ...template, metadata: { labels } } },
  });
  expect(await subject.executor.observe(spec.runId, calm)).toMatchObject({ presence: 'absent' });
  expect(subject.server.objects(PODS, NAMESPACE)).toEqual([]);
});
