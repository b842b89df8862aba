import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/store/ports.ts';
import {
  CONFIG_LIMIT_BYTES,
  buildAppConfig,
  buildAutomationConfig,
  buildWorkflowConfig,
  checkConfigSize,
  ownServerOf,
} from '../../src/openmetadata/workflow-config.ts';

const server = { hostPort: 'http://cp.test/api', jwtToken: 'run-token' };
const runId = '0d1b7c1e-0000-4000-8000-000000000001';
const service = { name: 'shop_pg', serviceType: 'Postgres', connection: { config: { password: 'secret:x' } } };

const build = (pipeline: JsonObject, extra: object = {}): JsonObject =>
  buildWorkflowConfig({
    pipeline: { fullyQualifiedName: 'shop_pg.p', sourceConfig: { config: { a: 1 } }, ...pipeline },
    service,
    runId,
    server,
    runnerName: 'runner-a',
    ...extra,
  });

describe('the config of a workload', () => {
  test('has everything around its body that the ingestion library reads', () => {
    const config = build({ pipelineType: 'metadata', enableStreamableLogs: true });
    expect(config).toEqual({
      source: expect.any(Object) as unknown,
      sink: expect.any(Object) as unknown,
      workflowConfig: {
        loggerLevel: 'INFO',
        openMetadataServerConfig: {
          hostPort: 'http://cp.test/api',
          authProvider: 'openmetadata',
          securityConfig: { jwtToken: 'run-token' },
        },
      },
      ingestionPipelineFQN: 'shop_pg.p',
      pipelineRunId: runId,
      enableStreamableLogs: true,
      ingestionRunnerName: 'runner-a',
    });
  });

  test.each([
    ['metadata', 'postgres', undefined],
    ['lineage', 'postgres-lineage', undefined],
    ['policyAgent', 'postgres-policy', undefined],
    ['dbt', 'dbt', undefined],
    ['profiler', 'postgres', 'orm-profiler'],
    ['autoClassification', 'postgres', 'tag-pii-processor'],
    ['TestSuite', 'postgres', 'orm-test-runner'],
  ])('of type %s reads from %s', (pipelineType, type, processor) => {
    const config = build({ pipelineType });
    expect(config['source']).toEqual({ type, serviceName: 'shop_pg', sourceConfig: { config: { a: 1 } } });
    expect(config['sink']).toEqual({ type: 'metadata-rest', config: {} });
    expect((config['processor'] as JsonObject | undefined)?.['type']).toBe(processor);
  });

  test('of type usage stages its queries in one file', () => {
    const { sink, stage, bulkSink, source, processor } = build({ pipelineType: 'usage' });
    expect(sink).toBeUndefined();
    expect(source).toMatchObject({ type: 'postgres-usage' });
    expect(processor).toEqual({ type: 'query-parser', config: {} });
    expect(stage).toEqual({ type: 'table-usage', config: { filename: '/tmp/openmetadata/0d1b7c1e' } });
    expect(bulkSink).toEqual({ type: 'metadata-usage', config: { filename: '/tmp/openmetadata/0d1b7c1e' } });
    const own = build({ pipelineType: 'usage', sourceConfig: { config: { stageFileLocation: '/data/x' } } });
    expect(own['stage']).toMatchObject({ config: { filename: '/data/x' } });
  });

  test('of a profiler hands on the metrics that were chosen', () => {
    const config = build({ pipelineType: 'profiler', sourceConfig: { config: { metrics: ['rowCount'] } } });
    expect(config['processor']).toEqual({
      type: 'orm-profiler',
      config: { profiler: { name: 'ingestion-profiler', metrics: ['rowCount'] } },
    });
  });

  test('of an application merges what a trigger overrides', () => {
    const config = build(
      {
        pipelineType: 'application',
        sourceConfig: {
          config: { sourcePythonClass: 'a.b.C', appConfig: { x: 1, y: 1 }, appPrivateConfig: { token: 'secret:t' } },
        },
      },
      { service: undefined, configOverride: { y: 2 } },
    );
    expect(config).toMatchObject({
      sourcePythonClass: 'a.b.C',
      appConfig: { x: 1, y: 2 },
      appPrivateConfig: { token: 'secret:t' },
      pipelineRunId: runId,
    });
    expect(config['source']).toBeUndefined();
    expect(() => build({ pipelineType: 'application' })).toThrow(expect.objectContaining({ code: 'invalid_pipeline' }));
  });

  test('never holds the connection of the service', () => {
    for (const pipelineType of ['metadata', 'usage', 'lineage', 'profiler', 'dbt', 'TestSuite']) {
      expect(JSON.stringify(build({ pipelineType }))).not.toContain('secret:x');
    }
  });

  test.each(['dataInsight', 'elasticSearchReindex', 'unheardOf'])(
    'is refused for type %s, which has no workload',
    (pipelineType) => {
      expect(() => build({ pipelineType })).toThrow(expect.objectContaining({ code: 'pipeline_type_unsupported' }));
    },
  );

  test('is refused without a service', () => {
    expect(() => build({ pipelineType: 'metadata' }, { service: undefined })).toThrow(
      expect.objectContaining({ code: 'invalid_pipeline' }),
    );
  });

  test('names the server of the pipeline itself where it has one', () => {
    const own = { hostPort: 'https://om.example/api', securityConfig: { jwtToken: 'theirs' }, verifySSL: 'ignore' };
    const pipeline = { pipelineType: 'metadata', openMetadataServerConnection: own, loggerLevel: 'DEBUG' };
    expect(build(pipeline)['workflowConfig']).toEqual({ loggerLevel: 'DEBUG', openMetadataServerConfig: own });
    expect(ownServerOf(pipeline)).toEqual({ hostPort: 'https://om.example/api', jwtToken: 'theirs' });
    expect(ownServerOf({})).toBeUndefined();
    expect(ownServerOf({ openMetadataServerConnection: { hostPort: 'https://om.example/api' } })).toBeUndefined();
  });

  test('of an automation is the workflow with the server it reports to', () => {
    const workflow = {
      id: 'x',
      name: 'test-1',
      workflowType: 'TEST_CONNECTION',
      request: { connectionType: 'Postgres' },
    };
    expect(buildAutomationConfig(workflow, server)).toEqual({
      ...workflow,
      openMetadataServerConnection: {
        hostPort: 'http://cp.test/api',
        authProvider: 'openmetadata',
        securityConfig: { jwtToken: 'run-token' },
      },
    });
  });

  test('of an app without pipeline is the app with its configuration', () => {
    const app = { name: 'a', appConfiguration: { x: 1 } };
    expect(buildAppConfig(app, { runId, server, configOverride: { y: 2 } })).toMatchObject({
      name: 'a',
      appConfig: { x: 1, y: 2 },
      pipelineRunId: runId,
      openMetadataServerConnection: { hostPort: 'http://cp.test/api' },
    });
  });

  test('may have as many bytes as an environment string can hold, and not one more', () => {
    const frame = Buffer.byteLength(JSON.stringify({ text: '' }));
    const fits = { text: 'x'.repeat(CONFIG_LIMIT_BYTES - frame) };
    expect(() => checkConfigSize(fits)).not.toThrow();
    expect(() => checkConfigSize({ text: `${fits.text}x` })).toThrow(
      expect.objectContaining({ code: 'config_too_large', message: expect.stringContaining('131065') as string }),
    );
    // Bytes count, not characters.
    expect(() => checkConfigSize({ text: 'ü'.repeat(CONFIG_LIMIT_BYTES / 2) })).toThrow();
  });
});
