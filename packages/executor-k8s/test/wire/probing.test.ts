import { until } from '@runner/core/testing';
import { RUN_ID_LABEL } from '@runner/executor';
import type { Probe } from '@runner/executor';
import { JOBS, PODS } from '@runner/kube';
import type { Job } from '@runner/kube';
import { describe, expect, it } from 'vitest';
import type { MemorySubject } from '../support/memory-subject.ts';
import { NAMESPACE, memorySubject } from '../support/memory-subject.ts';
import { testSettings } from '../support/objects.ts';
import { calm } from '../support/watching.ts';

/** Kubernetes would put a variable in. */
const WORD = '--closely=$(HOSTNAME)';
const PROBE: Probe = { command: ['look', WORD], image: 'example.test/looker:1', timeoutMs: 30_000 };

const jobOf = ({ server }: MemorySubject): Promise<Job> => until('there is a Job', () => server.objects(JOBS)[0]);

describe('a probe', () => {
  it('runs in a pod like those of runs, and leaves nothing but its answer', async () => {
    await using subject = await memorySubject();
    const answer = subject.executor.probe?.(PROBE, calm);
    answer?.catch(() => undefined);
    const job = await jobOf(subject);
    const name = job.metadata?.name ?? '';
    const pod = job.spec?.template.spec;
    expect(pod).toMatchObject({
      serviceAccountName: testSettings.serviceAccountName,
      restartPolicy: 'Never',
      containers: [{ image: 'example.test/looker:1', command: ['look', '--closely=$$(HOSTNAME)'] }],
    });
    expect(pod?.containers[0]?.env?.map((variable) => variable.name)).not.toContain('config');
    for (const labels of [job.metadata?.labels, job.spec?.template.metadata?.labels]) {
      expect(labels).not.toHaveProperty(RUN_ID_LABEL);
    }
    await until('it runs', () => subject.cluster.starts(name) > 0);
    subject.cluster.exit(name, 3, { message: 'it is raining' });
    expect(await answer).toEqual({ message: 'it is raining', exitCode: 3 });
    await until('the Job is gone', () => subject.server.objects(JOBS).length === 0);
    await until('its pod is gone', () => subject.server.objects(PODS).length === 0);
  });

  it('trusts the certificate authorities that runs trust', async () => {
    const certificateAuthority = { kind: 'configMap', name: 'company-ca', key: 'ca.crt' } as const;
    await using subject = await memorySubject({ pods: { ...testSettings, certificateAuthority } });
    const leaving = new AbortController();
    const answer = subject.executor.probe?.(PROBE, leaving.signal);
    const { spec } = (await jobOf(subject)).spec?.template ?? {};
    expect(spec?.volumes).toMatchObject([{ configMap: { name: 'company-ca' } }]);
    expect(spec?.containers[0]?.volumeMounts).toHaveLength(1);
    expect(spec?.containers[0]?.env?.map(({ name }) => name)).toContain('NODE_EXTRA_CA_CERTS');
    leaving.abort();
    await expect(answer).rejects.toMatchObject({ code: 'aborted' });
  });

  it('that cannot begin says what the cluster says of it, and goes', async () => {
    await using subject = await memorySubject();
    subject.cluster.trouble({ kind: 'waiting', reason: 'ErrImagePull', message: 'no such image' });
    expect(await subject.executor.probe?.({ ...PROBE, timeoutMs: 1_500 }, calm)).toEqual({
      message: '',
      trouble: 'It did not end within 2 s. It waits: ErrImagePull: no such image',
    });
    subject.cluster.trouble({ kind: 'unschedulable', message: '0/1 nodes are available.' });
    expect((await subject.executor.probe?.({ ...PROBE, timeoutMs: 1_500 }, calm))?.trouble).toContain(
      'No node takes its pod: 0/1 nodes are available.',
    );
    await until('the Jobs are gone', () => subject.server.objects(JOBS).length === 0);
  });

  it('is removed when nobody waits for it any more', async () => {
    await using subject = await memorySubject();
    const leaving = new AbortController();
    const answer = subject.executor.probe?.(PROBE, leaving.signal);
    await jobOf(subject);
    leaving.abort();
    await expect(answer).rejects.toMatchObject({ code: 'aborted' });
    await until('the Job is gone', () => subject.server.objects(JOBS).length === 0);
  });

  it('that may not be made says so', async () => {
    await using subject = await memorySubject({ rights: [] });
    await expect(subject.executor.probe?.(PROBE, calm)).rejects.toMatchObject({
      message: expect.stringContaining(NAMESPACE) as string,
    });
    await expect(subject.executor.probe?.({ command: ['x'], timeoutMs: 1 }, calm)).rejects.toMatchObject({
      code: 'invalid_spec',
    });
  });
});
