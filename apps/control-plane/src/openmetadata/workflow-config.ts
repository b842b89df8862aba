import { RunnerError } from '@runner/core';
import type { JsonObject } from '../store/ports.ts';
import { isObject, objectOf, stringOf } from './json.ts';

/** OpenMetadata's PipelineType. */
export const PIPELINE_TYPES = [
  'metadata',
  'usage',
  'lineage',
  'profiler',
  'autoClassification',
  'TestSuite',
  'dataInsight',
  'elasticSearchReindex',
  'dbt',
  'application',
  'policyAgent',
] as const;
export type PipelineType = (typeof PIPELINE_TYPES)[number];

export const LOGGER_LEVELS = ['DEBUG', 'INFO', 'WARN', 'ERROR'] as const;

/** The server a workload speaks to, as the config carries it. */
export interface ServerConnection {
  /** Base URL of the REST API, with `/api`. */
  readonly hostPort: string;
  readonly jwtToken: string;
}

export interface WorkflowConfigInput {
  readonly pipeline: JsonObject;
  /** Absent for applications. */
  readonly service: JsonObject | undefined;
  readonly runId: string;
  readonly server: ServerConnection;
  readonly runnerName: string;
  /** Of an application's trigger: merged over its `appConfig`. */
  readonly configOverride?: JsonObject;
}

/**
 * What the workload of a pipeline gets in `config` (contracts.md §1.8). It names the service and never holds its
 * connection: the workload fetches that by name with the run token. Secrets manager settings are the agent's to add.
 */
export function buildWorkflowConfig(input: WorkflowConfigInput): JsonObject {
  const { pipeline, runId, runnerName } = input;
  const body = pipeline['pipelineType'] === 'application' ? applicationBody(input) : workflowBody(input);
  return {
    ...body,
    workflowConfig: {
      loggerLevel: stringOf(pipeline['loggerLevel']) ?? 'INFO',
      openMetadataServerConfig: serverConfig(pipeline['openMetadataServerConnection'], input.server),
    },
    ingestionPipelineFQN: stringOf(pipeline['fullyQualifiedName']) ?? '',
    pipelineRunId: runId,
    enableStreamableLogs: pipeline['enableStreamableLogs'] === true,
    ingestionRunnerName: runnerName,
  };
}

/**
 * The Workflow entity of an automation with the server it shall report to. The library re-reads the request from the
 * server by name; the rest of this copy is used for that only.
 */
export function buildAutomationConfig(workflow: JsonObject, server: ServerConnection): JsonObject {
  const { openMetadataServerConnection: own, ...rest } = workflow;
  return { ...rest, openMetadataServerConnection: serverConfig(own, server) };
}

/** The App entity of an application that has no pipeline of its own. */
export function buildAppConfig(
  app: JsonObject,
  run: { runId: string; server: ServerConnection; configOverride?: JsonObject | undefined },
): JsonObject {
  return {
    ...app,
    appConfig: { ...objectOf(app['appConfiguration'] ?? app['appConfig']), ...run.configOverride },
    pipelineRunId: run.runId,
    openMetadataServerConnection: serverConfig(app['openMetadataServerConnection'], run.server),
  };
}

/** A pipeline with a server of its own keeps it, JWT included; every other one reports here with its run token. */
function serverConfig(own: unknown, server: ServerConnection): JsonObject {
  if (isObject(own)) return own;
  return {
    hostPort: server.hostPort,
    authProvider: 'openmetadata',
    securityConfig: { jwtToken: server.jwtToken },
  };
}

/** Whether this pipeline reports to a server of its own, and which. */
export function ownServerOf(pipeline: JsonObject): { hostPort: string; jwtToken: string } | undefined {
  const own = pipeline['openMetadataServerConnection'];
  if (!isObject(own)) return undefined;
  const hostPort = stringOf(own['hostPort']);
  const jwtToken = stringOf(objectOf(own['securityConfig'])['jwtToken']);
  return hostPort === undefined || jwtToken === undefined ? undefined : { hostPort, jwtToken };
}

function applicationBody({ pipeline, configOverride }: WorkflowConfigInput): JsonObject {
  const config = objectOf(objectOf(pipeline['sourceConfig'])['config']);
  const sourcePythonClass = stringOf(config['sourcePythonClass']);
  if (sourcePythonClass === undefined) {
    throw new RunnerError('invalid_pipeline', 'an application pipeline needs sourceConfig.config.sourcePythonClass');
  }
  return {
    sourcePythonClass,
    appConfig: { ...objectOf(config['appConfig']), ...configOverride },
    ...(isObject(config['appPrivateConfig']) ? { appPrivateConfig: config['appPrivateConfig'] } : {}),
  };
}

const SINK = { type: 'metadata-rest', config: {} };

function workflowBody({ pipeline, service, runId }: WorkflowConfigInput): JsonObject {
  const type = stringOf(service?.['serviceType'])?.toLowerCase();
  const serviceName = stringOf(service?.['name']);
  if (type === undefined || serviceName === undefined) {
    throw new RunnerError('invalid_pipeline', 'the pipeline has no service, so there is nothing to ingest from');
  }
  const source = (sourceType: string): JsonObject => ({
    type: sourceType,
    serviceName,
    sourceConfig: objectOf(pipeline['sourceConfig']),
  });
  const processor = (processorType: string, config: JsonObject = {}): JsonObject => ({ type: processorType, config });
  switch (pipeline['pipelineType'] as PipelineType) {
    case 'metadata':
      return { source: source(type), sink: SINK };
    case 'lineage':
      return { source: source(`${type}-lineage`), sink: SINK };
    case 'policyAgent':
      return { source: source(`${type}-policy`), sink: SINK };
    case 'dbt':
      return { source: source('dbt'), sink: SINK };
    case 'profiler':
      return { source: source(type), processor: processor('orm-profiler', profilerConfig(pipeline)), sink: SINK };
    case 'autoClassification':
      return { source: source(type), processor: processor('tag-pii-processor'), sink: SINK };
    case 'TestSuite':
      return { source: source(type), processor: processor('orm-test-runner'), sink: SINK };
    case 'usage':
      return usageBody(pipeline, source(`${type}-usage`), processor('query-parser'), runId);
    default:
      throw new RunnerError(
        'pipeline_type_unsupported',
        `pipelines of type ${String(pipeline['pipelineType'])} run inside the OpenMetadata server and have no workload`,
      );
  }
}

function usageBody(pipeline: JsonObject, source: JsonObject, processor: JsonObject, runId: string): JsonObject {
  const config = objectOf(objectOf(pipeline['sourceConfig'])['config']);
  const filename = stringOf(config['stageFileLocation']) ?? `/tmp/openmetadata/${runId.slice(0, 8)}`;
  return {
    source,
    processor,
    stage: { type: 'table-usage', config: { filename } },
    bulkSink: { type: 'metadata-usage', config: { filename } },
  };
}

function profilerConfig(pipeline: JsonObject): JsonObject {
  const { metrics } = objectOf(objectOf(pipeline['sourceConfig'])['config']);
  return Array.isArray(metrics) && metrics.length > 0 ? { profiler: { name: 'ingestion-profiler', metrics } } : {};
}

/** Longest `config` a workload can be given: one environment string of Linux (`config=` and the final NUL included). */
export const CONFIG_LIMIT_BYTES = 131_064;

/** Refuses a config that no workload can be given. The agent adds its secrets settings and checks again. */
export function checkConfigSize(config: JsonObject): void {
  const bytes = Buffer.byteLength(JSON.stringify(config));
  if (bytes <= CONFIG_LIMIT_BYTES) return;
  throw new RunnerError(
    'config_too_large',
    `the configuration has ${bytes} bytes, and an environment string cannot hold more than ${CONFIG_LIMIT_BYTES}`,
    { hint: 'shorten filter patterns and other lists in sourceConfig, or split the pipeline' },
  );
}
