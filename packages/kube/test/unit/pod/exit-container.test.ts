import { testRunSpec } from '@runner/executor/testing';
import { expect, it } from 'vitest';
import { buildExitContainer } from '../../../src/index.ts';
import type { PodSettings } from '../../../src/index.ts';

const settings: PodSettings = {
  image: { image: 'registry/ingestion:1.0.0', dynamicTag: '{version}', pullPolicy: 'Always' },
  serviceAccountName: 'ingestion',
  scheduling: { variable: 'X', types: { placements: new Map(), problems: [] }, ingestion: [], automation: [] },
  secretsManager: { provider: 'kubernetes' },
  extraEnvironment: [{ name: 'EXTRA', value: 'a$b' }],
};
const spec = testRunSpec({ openMetadataVersion: '1.11.1' });
const build = (more: Partial<PodSettings> = {}) =>
  buildExitContainer({
    spec,
    settings: { ...settings, ...more },
    workloadName: 'om-job-test',
    namespace: 'runs',
    config: '{"a":"$(HOME)"}',
    status: 'Failed',
  });
const built = build();

it('the exit step runs the exit handler of the same image', () => {
  expect(built).toMatchObject({
    name: 'main',
    image: 'registry/ingestion:1.11.1',
    imagePullPolicy: 'Always',
    command: ['python', 'exit_handler.py'],
  });
});

it('the exit step is as hardened as the main program, and asks for little', () => {
  expect(built.securityContext).toMatchObject({ allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } });
  expect(built.resources?.limits).toEqual({ cpu: '500m', memory: '512Mi' });
});

it('the exit step has the environment of its contract, secrets manager and settings, every dollar sign literal', () => {
  const environment = Object.fromEntries((built.env ?? []).map(({ name, value }) => [name, value]));
  expect(environment).toMatchObject({
    config: '{"a":"$$(HOME)"}',
    pipelineStatus: 'Failed',
    pipelineRunId: spec.runId,
    jobName: 'om-job-test',
    KUBERNETES_IN_CLUSTER: 'true',
    EXTRA: 'a$$b',
  });
});

it('the exit step trusts whom the main program trusts, unless a variable of the settings says otherwise', () => {
  const container = build({
    certificateAuthority: { kind: 'secret', name: 'company-ca', key: 'ca.crt' },
    extraEnvironment: [{ name: 'SSL_CERT_FILE', value: '/mine.pem' }],
  });
  expect(container.volumeMounts).toEqual([
    { name: 'private-ca', mountPath: '/var/run/hybrid-runner/ca', readOnly: true },
  ]);
  const environment = Object.fromEntries((container.env ?? []).map(({ name, value }) => [name, value]));
  expect(environment).toMatchObject({
    REQUESTS_CA_BUNDLE: '/var/run/hybrid-runner/ca/ca.crt',
    SSL_CERT_FILE: '/mine.pem',
  });
  expect(built).not.toHaveProperty('volumeMounts');
});
