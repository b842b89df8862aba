import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  MAX_CONFIG_BYTES,
  configToken,
  escapeTemplates,
  exitConfig,
  exitEnvironment,
  labelValue,
  ownerLabels,
  runKey,
  sanitizedName,
  serialiseConfig,
  workloadCommand,
  workloadEnvironment,
  workloadLabels,
  workloadName,
} from '../../src/index.ts';
import type { EnvVariable } from '../../src/index.ts';
import { testRunSpec } from '../../src/testing/index.ts';

const RUN_ID = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';
const record = (variables: readonly EnvVariable[]): Record<string, string> =>
  Object.fromEntries(variables.map(({ name, value }) => [name, value]));

describe('the command of a workload', () => {
  it.each([
    ['pipeline', 'metadata', ['python', 'main.py']],
    ['pipeline', 'TestSuite', ['python', 'main.py']],
    ['pipeline', 'application', ['python', '-m', 'metadata.applications.runner']],
    ['automation', 'automation', ['python', 'run_automation.py']],
    ['application', 'application', ['python', '-m', 'metadata.applications.runner']],
  ] as const)('of a %s of type %s is %j', (kind, pipelineType, command) => {
    expect(workloadCommand({ kind, pipelineType })).toEqual(command);
  });
});

describe('the environment of a workload', () => {
  const spec = testRunSpec({ runId: RUN_ID, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' });
  const input = { spec, config: '{}', workloadName: 'om-job-x', namespace: 'ingestion' };

  it('of a pipeline names the run, the pipeline and the workload', () => {
    expect(record(workloadEnvironment(input))).toEqual({
      config: '{}',
      pipelineType: 'metadata',
      pipelineRunId: RUN_ID,
      ingestionPipelineFQN: 'shop_pg.shop_metadata',
      jobName: 'om-job-x',
      namespace: 'ingestion',
      TRACEPARENT: spec.traceparent,
    });
  });

  it('of an automation or application holds its config and the trace alone', () => {
    for (const kind of ['automation', 'application'] as const) {
      const variables = workloadEnvironment({ ...input, spec: { ...spec, kind, pipelineType: kind } });
      expect(Object.keys(record(variables))).toEqual(['config', 'TRACEPARENT']);
    }
  });

  it('lets extra variables replace those of the secrets manager and never those of the contract', () => {
    const variables = workloadEnvironment({
      ...input,
      secrets: [{ name: 'AWS_DEFAULT_REGION', value: 'eu-west-1' }],
      extra: [
        { name: 'AWS_DEFAULT_REGION', value: 'eu-central-1' },
        { name: 'config', value: 'stolen' },
        { name: 'pipelineStatus', value: 'success' },
      ],
    });
    expect(record(variables)).toMatchObject({ AWS_DEFAULT_REGION: 'eu-central-1', config: '{}' });
    expect(record(variables)).not.toHaveProperty('pipelineStatus');
    expect(new Set(variables.map(({ name }) => name)).size).toBe(variables.length);
  });

  it('leaves out a trace context that is malformed, and a config that is delivered otherwise', () => {
    const variables = record(
      workloadEnvironment({ spec: { ...spec, traceparent: 'x\ny' }, workloadName: 'om-job-x', namespace: 'ingestion' }),
    );
    expect(variables).not.toHaveProperty('TRACEPARENT');
    expect(variables).not.toHaveProperty('config');
  });

  it('of the exit step says how the main program ended', () => {
    expect(record(exitEnvironment({ ...input, status: 'Failed' }))).toMatchObject({
      config: '{}',
      pipelineRunId: RUN_ID,
      pipelineStatus: 'Failed',
      jobName: 'om-job-x',
      namespace: 'ingestion',
    });
  });
});

describe('names of workloads', () => {
  const DNS_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
  const kind = fc.constantFrom('pipeline', 'automation', 'application');
  const text = fc.oneof(fc.string({ maxLength: 300, unit: 'grapheme' }), fc.stringMatching(/^[-a-zA-Z0-9._ ]{0,300}$/));

  it('are DNS-1123 labels of at most 63 characters for any name', () => {
    fc.assert(
      fc.property(kind, text, fc.uuid(), (k, name, runId) => {
        const made = workloadName({ kind: k, pipelineType: 'metadata', name, runId });
        expect(made).toMatch(DNS_LABEL);
        expect(made).not.toContain('--');
        expect(made.endsWith(runKey(runId))).toBe(true);
      }),
    );
  });

  it('are readable', () => {
    const spec = testRunSpec({ runId: RUN_ID, name: '__Shop PG / Metadata__' });
    expect(workloadName(spec)).toMatch(/^om-job-shop-pg-metadata-3f2504e0-[0-9a-f]{10}$/);
    expect(workloadName({ ...spec, kind: 'automation' })).toMatch(/^om-automation-shop-pg-metadata-3f2504e0-/);
    expect(workloadName({ ...spec, pipelineType: 'application' })).toMatch(/^om-app-shop-pg-metadata-3f2504e0-/);
    expect(workloadName({ ...spec, name: '日本語' })).toMatch(/^om-job-3f2504e0-[0-9a-f]{10}$/);
  });

  it('are the same for the same run, and differ for runs that begin alike', () => {
    const spec = testRunSpec({ runId: RUN_ID });
    expect(workloadName(spec)).toBe(workloadName({ ...spec, runId: RUN_ID.toUpperCase() }));
    expect(workloadName(spec)).not.toBe(workloadName({ ...spec, runId: `${RUN_ID.slice(0, -1)}2` }));
  });
});

describe('labels of workloads', () => {
  const LABEL = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;

  it('are those that OpenMetadata looks for, and the owner', () => {
    expect(workloadLabels(testRunSpec({ runId: RUN_ID, pipelineType: 'TestSuite' }))).toEqual({
      'app.kubernetes.io/name': 'openmetadata',
      'app.kubernetes.io/component': 'ingestion',
      'app.kubernetes.io/managed-by': 'openmetadata',
      'app.kubernetes.io/pipeline': 'shop-metadata',
      'app.kubernetes.io/pipeline-type': 'testsuite',
      'app.kubernetes.io/run-id': RUN_ID,
      'hybrid-ingestion-runner/control-plane': '11111111-1111-4111-8111-111111111111',
      'hybrid-ingestion-runner/agent': 'test-agent',
    });
    expect(workloadLabels(testRunSpec({ kind: 'application', name: 'My App' }))).toMatchObject({
      'app.kubernetes.io/component': 'application',
      'app.kubernetes.io/app-name': 'my-app',
    });
  });

  it('are valid for any text, and differ where the texts differ', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 300, unit: 'grapheme' }),
      fc.stringMatching(/^[-a-zA-Z0-9._ ]{0,80}$/),
    );
    fc.assert(
      fc.property(text, text, (one, other) => {
        expect(labelValue(one)).toMatch(LABEL);
        expect(sanitizedName(one)).toMatch(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/);
        expect(labelValue(one) === labelValue(other)).toBe(one === other);
      }),
    );
    expect(ownerLabels({ controlPlaneId: 'cp', agentId: 'Büro 1' })['hybrid-ingestion-runner/agent']).toMatch(
      /^B-ro-1-[0-9a-f]{10}$/,
    );
  });
});

describe('the config of a workload', () => {
  const server = { hostPort: 'https://om.example/api', secretsManagerProvider: 'db', secretsManagerLoader: 'noop' };

  it.each([
    ['a workflow config', { workflowConfig: { loggerLevel: 'INFO', openMetadataServerConfig: server } }],
    ['an entity', { name: 'x', openMetadataServerConnection: server }],
  ])('gets the secrets manager and the version check merged into the connection of %s', (_, config) => {
    const text = serialiseConfig({ config }, { secretsManager: 'kubernetes', disableVersionValidation: true });
    const merged = JSON.stringify(JSON.parse(text));
    expect(merged).toContain('"secretsManagerProvider":"kubernetes"');
    expect(merged).toContain('"secretsManagerLoader":"env"');
    expect(merged).toContain('"enableVersionValidation":false');
    expect(merged).toContain('https://om.example/api');
    expect(config).not.toHaveProperty('enableVersionValidation');
  });

  it('stays as it was sent where there is no connection and where nothing is set', () => {
    expect(serialiseConfig({ config: { a: [1, null] } }, { secretsManager: 'aws' })).toBe('{"a":[1,null]}');
    const config = { workflowConfig: { openMetadataServerConfig: server } };
    expect(JSON.parse(serialiseConfig({ config }))).toEqual(config);
  });

  it('keeps loader noop for db, which needs no credentials', () => {
    const text = serialiseConfig({ config: { openMetadataServerConnection: server } }, { secretsManager: 'db' });
    expect(text).toContain('"secretsManagerLoader":"noop"');
  });

  it('may have 131,064 bytes after the merge, counted as UTF-8, and not one more', () => {
    const of = (bytes: number) => ({ config: { t: 'ä'.repeat((bytes - 8) / 2) } });
    expect(Buffer.byteLength(serialiseConfig(of(MAX_CONFIG_BYTES)))).toBe(131_064);
    expect(() => serialiseConfig(of(MAX_CONFIG_BYTES + 2))).toThrow(
      expect.objectContaining({
        code: 'config_too_large',
        retryable: false,
        message: expect.stringMatching(/131066 bytes.*131064/) as string,
        hint: expect.stringContaining('smaller') as string,
      }),
    );
  });

  it('never appears in the error about its size', () => {
    try {
      serialiseConfig({ config: { jwtToken: 'k'.repeat(200_000) } });
      expect.unreachable();
    } catch (error) {
      expect(JSON.stringify(error)).not.toContain('kk');
    }
  });
});

describe('the config of the exit step', () => {
  const entity = (jwtToken: string) => ({ openMetadataServerConnection: { securityConfig: { jwtToken } } });
  const workflow = (jwtToken: string) => ({
    source: { token: 'run' },
    workflowConfig: { openMetadataServerConfig: { hostPort: 'x', securityConfig: { jwtToken } } },
  });

  it.each([
    ['workflow configs', workflow],
    ['entities', entity],
  ])('has its own token in place of the run’s, in %s', (_, of) => {
    const config = of('run');
    expect(exitConfig({ config, exitToken: 'exit' })).toEqual(of('exit'));
    expect(config).toEqual(of('run'));
    expect(configToken(config)).toBe('run');
  });

  it('is the run’s where there is no token for it, or none to be replaced', () => {
    expect(exitConfig({ config: workflow('run') })).toEqual(workflow('run'));
    for (const config of [{}, { workflowConfig: null }, { workflowConfig: { openMetadataServerConfig: 'x' } }]) {
      expect(exitConfig({ config, exitToken: 'exit' })).toEqual(config);
      expect(configToken(config)).toBeUndefined();
    }
  });
});

describe('a config for Argo', () => {
  it('holds no two braces in a row, and says the same', () => {
    const config = { '{{key}}': '{{{a}}', plain: '{' };
    const text = serialiseConfig({ config }, { escapeTemplates: true });
    expect(text).toBe(String.raw`{"{\u007bkey}}":"{\u007b{a}}","plain":"{"}`);
    expect(JSON.parse(text)).toEqual(config);
    expect(escapeTemplates(text)).toBe(text);
  });

  it('is measured as it is written', () => {
    const config = { text: '{'.repeat(60_000) };
    expect(() => serialiseConfig({ config })).not.toThrow();
    expect(() => serialiseConfig({ config }, { escapeTemplates: true })).toThrow(
      expect.objectContaining({ code: 'config_too_large' }),
    );
  });
});
