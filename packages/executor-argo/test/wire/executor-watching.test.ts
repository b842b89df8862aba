import { Buffer } from 'node:buffer';
import { until } from '@runner/core/testing';
import { testRunSpec } from '@runner/executor/testing';
import type { ApiFault } from '@runner/kube/testing';
import { describe, expect, it } from 'vitest';
import { WORKFLOWS } from '../../src/index.ts';
import { NAMESPACE, argoSubject } from '../support/argo-subject.ts';
import { calm, owner, watched } from '../support/watching.ts';

describe('a watch that is disturbed tells each thing once, and everything in the end', () => {
  it.each<[string, ApiFault, string | undefined]>([
    ['events that come twice', { kind: 'duplicate_events' }, undefined],
    ['events that come late', { kind: 'late_events', byMs: 200 }, undefined],
    ['connections that are cut', { kind: 'cut_watches', everyMs: 150 }, undefined],
    ['pods that are watched later than Workflows', { kind: 'late_events', byMs: 400 }, 'pods'],
    ['Workflows that are watched later than pods', { kind: 'late_events', byMs: 400 }, 'workflows'],
  ])('%s', async (_, fault, resource) => {
    await using subject = await argoSubject();
    subject.server.fault(fault, resource === undefined ? {} : { resource });
    await using watch = watched(subject.executor);
    const specs = Array.from({ length: 4 }, () => testRunSpec());
    for (const one of specs) await subject.executor.submit(one, calm);
    for (const { runId } of specs) await watch.until(runId, 'running');
    specs.forEach(({ runId }, index) => subject.cluster.exit(subject.workflow(runId), index));
    const [good, ...bad] = specs;
    await watch.until(good?.runId ?? '', 'ended succeeded');
    for (const { runId } of bad) await watch.until(runId, 'ended failed exit_code');
    for (const { runId } of specs) {
      await until('it may be discarded', async () => {
        await subject.executor.discard(runId, calm).catch(() => undefined);
        return watch.story(runId).includes('absent');
      });
      const story = watch.story(runId);
      // Times may become more exact; nothing is taken back.
      expect(story.filter((one, index) => one !== story[index - 1])).toEqual([...new Set(story)]);
      expect(story.at(-1)).toBe('absent');
    }
  });

  it('a server of Argo that is restarted', async () => {
    await using subject = await argoSubject({ transport: 'server' });
    await using watch = watched(subject.executor);
    const spec = testRunSpec();
    await subject.executor.submit(spec, calm);
    await watch.until(spec.runId, 'running');
    await subject.argoServer?.stop();
    await subject.succeed(spec.runId);
    await subject.argoServer?.start();
    await watch.until(spec.runId, 'ended succeeded');
    const story = watch.story(spec.runId);
    expect(story.filter((one, index) => one !== story[index - 1])).toEqual([...new Set(story)]);
  });

  it('a history that is forgotten while it was away', async () => {
    await using subject = await argoSubject();
    await using watch = watched(subject.executor);
    const [stays, goes] = [testRunSpec(), testRunSpec()];
    for (const one of [stays, goes]) await subject.executor.submit(one, calm);
    for (const { runId } of [stays, goes]) await watch.until(runId, 'running');
    await subject.server.stop();
    await subject.succeed(stays.runId);
    subject.server.remove(WORKFLOWS, NAMESPACE, subject.workflow(goes.runId));
    subject.server.fault({ kind: 'expire' });
    await subject.server.start();
    await watch.until(stays.runId, 'ended succeeded');
    await watch.until(goes.runId, 'absent');
    expect(watch.story(stays.runId)).not.toContain('absent');
  });
});

describe('lists that may be old prove nothing', () => {
  it('a run that was there and is not found is unknown until it was looked for twice', async () => {
    await using subject = await argoSubject({ transport: 'server', timings: { absenceMs: 400 } });
    const spec = testRunSpec();
    await using watch = watched(subject.executor);
    await subject.executor.submit(spec, calm);
    await watch.until(spec.runId, 'running');
    await subject.remove?.(spec.runId);
    const gone = await until('it is not found', async () => {
      const seen = await subject.executor.observe(spec.runId, calm);
      return seen.presence === 'present' ? false : seen;
    });
    expect(gone.presence).toBe('unknown');
    await watch.until(spec.runId, 'absent');
    expect(await subject.executor.observe(spec.runId, calm)).toMatchObject({ presence: 'absent', proven: true });
    expect(await subject.executor.list(owner, calm)).toEqual({ observations: [], fresh: false });
  });

  it('a run that an old list lacks is found by its name', async () => {
    await using subject = await argoSubject({ transport: 'server' });
    const back = subject.argoServer?.fault({ kind: 'stale_lists' }, { call: 'list' });
    const spec = testRunSpec();
    await subject.executor.submit(spec, calm);
    await until('it is found', async () => (await subject.executor.observe(spec.runId, calm)).presence === 'present');
    expect((await subject.executor.list(owner, calm)).observations).toHaveLength(1);
    back?.();
  });
});

describe('why a run waits', () => {
  it('a controller that does not run is told after a while', async () => {
    await using subject = await argoSubject({ timings: { untouchedMs: 1_500 } });
    subject.controller.pause();
    await using watch = watched(subject.executor);
    const spec = testRunSpec();
    await subject.executor.submit(spec, calm);
    await watch.until(spec.runId, 'pending');
    await watch.until(spec.runId, 'pending controller_not_running');
    subject.controller.resume();
    await watch.until(spec.runId, 'running');
  });

  it('a lock that others hold, and a limit of the controller', async () => {
    await using subject = await argoSubject();
    await using watch = watched(subject.executor);
    subject.controller.lock('runs/Mutex/one');
    const spec = testRunSpec();
    await subject.executor.submit(spec, calm);
    await watch.until(spec.runId, 'pending lock_wait');
    subject.controller.parallelism(0);
    subject.controller.lock(undefined);
    await watch.until(spec.runId, 'pending parallelism_limit');
    subject.controller.parallelism(undefined);
    await watch.until(spec.runId, 'running');
  });

  it.each([true, false])('an image that does not exist (pods can be seen: %s)', async (withPods) => {
    await using subject = await argoSubject({ transport: 'server', withPods });
    const message =
      'Back-off pulling image "docker.io/runner/workload:1": ErrImagePull: docker.io/runner/workload:1: not found';
    subject.cluster.trouble({ kind: 'waiting', reason: 'ImagePullBackOff', message });
    await using watch = watched(subject.executor);
    const spec = testRunSpec();
    await subject.executor.submit(spec, calm);
    const seen = await watch.until(spec.runId, 'pending image_not_found');
    expect(seen).toMatchObject({ diagnosis: { permanent: true } });
  });
});

it('leaves alone what belongs to others, whatever it is called', async () => {
  await using subject = await argoSubject();
  await using watch = watched(subject.executor);
  const foreign = testRunSpec({ owner: { ...owner, agentId: 'another' } });
  await subject.executor.submit(foreign, calm);
  await until('it runs', () => subject.cluster.starts(subject.workflow(foreign.runId)) === 1);
  const own = { ...foreign, owner };
  await expect(subject.executor.submit(own, calm)).rejects.toMatchObject({ code: 'invalid_spec' });
  expect(watch.seen).toEqual([]);
});

describe('over a server whose token may not look at pods', () => {
  const rights = [
    { group: 'argoproj.io', resources: ['workflows'], verbs: ['*'], namespace: NAMESPACE },
    { group: '', resources: ['pods/log'], verbs: ['get'], namespace: NAMESPACE },
  ];

  it('runs are seen all the same, as Argo tells of them', async () => {
    await using subject = await argoSubject({ transport: 'server', rights });
    await using watch = watched(subject.executor);
    const [good, bad] = [testRunSpec(), testRunSpec()];
    for (const one of [good, bad]) await subject.executor.submit(one, calm);
    for (const { runId } of [good, bad]) await watch.until(runId, 'running');
    await subject.print(bad.runId, Buffer.from('the last words\n'));
    await subject.succeed(good.runId);
    await subject.fail(bad.runId, 3);
    await watch.until(good.runId, 'ended succeeded');
    await watch.until(bad.runId, 'ended failed exit_code');
    expect(await subject.executor.observe(bad.runId, calm)).toMatchObject({
      outcome: { exitCode: 3, logTail: 'the last words\n' },
    });
    expect((await subject.executor.list(owner, calm)).observations).toHaveLength(2);
  });
});

it('over a server, runs are seen all the same where the API server cannot be reached', async () => {
  await using subject = await argoSubject({ transport: 'server' });
  subject.server.fault({ kind: 'reset' }, { resource: 'pods', verb: 'list' });
  await using watch = watched(subject.executor);
  const spec = testRunSpec();
  await subject.executor.submit(spec, calm);
  await watch.until(spec.runId, 'running');
  await subject.succeed(spec.runId);
  await watch.until(spec.runId, 'ended succeeded');
});

it('over a server, an API server that has shown pods is waited for when it is away', async () => {
  await using subject = await argoSubject({ transport: 'server' });
  const spec = testRunSpec();
  await subject.executor.submit(spec, calm);
  await until('it runs', () => subject.cluster.starts(subject.workflow(spec.runId)) === 1);
  expect(await subject.executor.observe(spec.runId, calm)).toMatchObject({ presence: 'present' });
  const back = subject.server.fault({ kind: 'reset' }, { resource: 'pods', verb: 'list' });
  expect(await subject.executor.observe(spec.runId, calm)).toMatchObject({ presence: 'unknown' });
  back();
  expect(await subject.executor.observe(spec.runId, calm)).toMatchObject({ presence: 'present' });
});
