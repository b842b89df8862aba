import { MAX_CONFIG_BYTES, RUN_ID_LABEL, ownerLabels, workloadName } from '@runner/executor';
import { testRunSpec } from '@runner/executor/testing';
import { buildPodTemplate } from '@runner/kube';
import { describe, expect, it } from 'vitest';
import { ANNOTATIONS, pipelineTypeOf, runIdOf } from '@runner/kube/runs';
import { configSecret, deliveryOf } from '../../src/config-object.ts';
import { buildJob } from '../../src/job.ts';
import { jobOf, testSettings } from '../support/objects.ts';

describe('the Job of a run', () => {
  it('runs once, for a limited time, and stays for a while', () => {
    const job = jobOf(testRunSpec({ deadlineSeconds: 600 }));
    expect(job.spec).toMatchObject({
      backoffLimit: 0,
      parallelism: 1,
      completions: 1,
      // Start deadline, run deadline and ten minutes.
      activeDeadlineSeconds: 1_800 + 600 + 600,
      ttlSecondsAfterFinished: 604_800,
    });
    expect(job.spec?.template.spec).toMatchObject({ restartPolicy: 'Never', activeDeadlineSeconds: 600 });
  });

  it('has only fields that Kubernetes 1.28 knows', () => {
    const known = [
      'backoffLimit',
      'completions',
      'parallelism',
      'activeDeadlineSeconds',
      'ttlSecondsAfterFinished',
      'template',
    ];
    expect(Object.keys(jobOf().spec ?? {}).toSorted()).toEqual(known.toSorted());
  });

  it('carries the labels of the contract on itself and on its pod', () => {
    const spec = testRunSpec();
    const job = jobOf(spec);
    const labels = { ...ownerLabels(spec.owner), [RUN_ID_LABEL]: spec.runId };
    expect(job.metadata?.labels).toMatchObject(labels);
    expect(job.spec?.template.metadata?.labels).toMatchObject(labels);
  });

  it('says on itself what labels cannot', () => {
    const fqn = `service.${'ü'.repeat(300)}`;
    const job = jobOf(testRunSpec({ pipelineType: 'TestSuite', name: '-- dash', fqn }));
    expect(job.metadata?.annotations).toMatchObject({
      [ANNOTATIONS.pipelineType]: 'TestSuite',
      [ANNOTATIONS.name]: '-- dash',
      [ANNOTATIONS.fqn]: fqn,
      [ANNOTATIONS.config]: 'inline',
    });
    expect(pipelineTypeOf(job)).toBe('TestSuite');
    expect(runIdOf({ metadata: { ...job.spec?.template.metadata } })).toBe(runIdOf(job));
  });

  it('cannot be given the labels or variables of another run by settings', () => {
    const spec = testRunSpec();
    const settings = {
      ...testSettings,
      labels: { [RUN_ID_LABEL]: 'stolen', 'hybrid-ingestion-runner/agent': 'other', team: 'data' },
      extraEnvironment: [
        { name: 'config', value: 'stolen' },
        { name: 'pipelineRunId', value: 'stolen' },
        { name: 'EXTRA', value: 'kept' },
      ],
    };
    const delivery = { kind: 'inline', text: '{}' } as const;
    const name = workloadName(spec);
    const template = buildPodTemplate({ spec, settings, workloadName: name, namespace: 'runs', delivery });
    const job = buildJob({
      spec,
      name,
      namespace: 'runs',
      template,
      delivery,
      ttlSeconds: 60,
      startDeadlineSeconds: 60,
      submission: '1',
    });
    expect(JSON.stringify(job)).not.toContain('stolen');
    for (const { metadata } of [job, job.spec?.template ?? {}]) {
      expect(metadata?.labels).toMatchObject({ team: 'data', ...ownerLabels(spec.owner) });
    }
    expect(job.spec?.template.spec?.containers[0]?.env).toContainEqual({ name: 'EXTRA', value: 'kept' });
  });

  it('keeps times that make no sense within what the API takes', () => {
    expect(jobOf(testRunSpec({ deadlineSeconds: 1e12 })).spec?.activeDeadlineSeconds).toBe(2 ** 31 - 1);
    expect(jobOf(testRunSpec({ deadlineSeconds: 0.5 })).spec?.template.spec?.activeDeadlineSeconds).toBe(1);
  });
});

describe('the Secret of a run', () => {
  it('belongs to the Job, names the run, and holds the config', () => {
    const spec = testRunSpec();
    const text = 'x'.repeat(MAX_CONFIG_BYTES);
    const secret = configSecret(spec, jobOf(spec), text);
    expect(secret.metadata).toMatchObject({
      name: 'om-job-test-config',
      namespace: 'runs',
      ownerReferences: [{ kind: 'Job', name: 'om-job-test', uid: 'job-uid' }],
    });
    expect(Buffer.from(secret.data?.['config'] ?? '', 'base64').toString()).toBe(text);
  });

  it('has the name that the pod refers to', () => {
    const spec = testRunSpec();
    const delivery = deliveryOf('secret', '{}', 'om-job-test');
    const { spec: pod } = buildPodTemplate({
      spec,
      settings: testSettings,
      workloadName: 'om-job-test',
      namespace: 'runs',
      delivery,
    });
    const name = configSecret(spec, jobOf(spec), '{}').metadata?.name;
    expect(pod?.containers[0]?.env?.[0]).toMatchObject({
      name: 'config',
      valueFrom: { secretKeyRef: { name, key: 'config' } },
    });
  });
});
