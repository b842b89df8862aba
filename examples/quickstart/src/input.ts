import { RunnerError, Secret } from '@runner/core';

/** What the environment of a workload says, parsed once. The names are those of the ingestion image. */
export type Input = PipelineInput | AutomationInput;

export interface Server {
  /** Base of the REST API, without a slash at its end: `http://host:8585/api`. */
  readonly url: string;
  readonly token: Secret;
  /** Where references are resolved; `secretsManagerProvider` of the config, else SECRETS_MANAGER. */
  readonly secretsManager: string;
}

export interface PipelineInput {
  readonly kind: 'pipeline';
  readonly runId: string;
  readonly fqn: string;
  readonly pipelineType: string;
  readonly sourceType: string;
  readonly serviceName: string;
  /** A connection that stands in the config itself; usually the service is asked. */
  readonly connection: Json | undefined;
  readonly server: Server;
}

export interface AutomationInput {
  readonly kind: 'automation';
  readonly name: string;
  readonly server: Server;
}

export interface Json {
  readonly [key: string]: unknown;
}

export function objectIn(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

export function textIn(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

function invalid(message: string, hint?: string): RunnerError {
  return new RunnerError('quickstart_input', message, hint === undefined ? {} : { hint });
}

/** Pure. Every problem is an error with code `quickstart_input` that says which variable is meant. */
export function parseInput(env: Environment): Input {
  const config = parseConfig(env['config']);
  if (config['workflowType'] !== undefined) return automation(config, env);
  if (config['source'] !== undefined) return pipeline(config, env);
  throw invalid(
    'config is neither a workflow with a source nor an automation',
    'applications need the Python ingestion; set INGESTION_COMMAND to it',
  );
}

function parseConfig(text: string | undefined): Json {
  if (text === undefined || text === '') throw invalid('the variable config is missing');
  try {
    return objectIn(JSON.parse(text));
  } catch {
    // The parser quotes what it read, and config carries a token.
    throw invalid('the variable config is not JSON', 'this small ingestion reads JSON; the runner writes it so');
  }
}

function pipeline(config: Json, env: Environment): PipelineInput {
  const source = objectIn(config['source']);
  const need = (value: string | undefined, what: string): string => {
    if (value === undefined) throw invalid(`${what} is missing`);
    return value;
  };
  const inline = objectIn(source['serviceConnection']);
  return {
    kind: 'pipeline',
    runId: need(textIn(env['pipelineRunId']) ?? textIn(config['pipelineRunId']), 'the variable pipelineRunId'),
    fqn: need(textIn(env['ingestionPipelineFQN']) ?? textIn(config['ingestionPipelineFQN']), 'ingestionPipelineFQN'),
    pipelineType: need(textIn(env['pipelineType']), 'the variable pipelineType'),
    sourceType: need(textIn(source['type']), 'source.type in config'),
    serviceName: need(textIn(source['serviceName']), 'source.serviceName in config'),
    connection: inline['config'] === undefined ? undefined : objectIn(inline['config']),
    server: serverIn(objectIn(objectIn(config['workflowConfig'])['openMetadataServerConfig']), env),
  };
}

function automation(config: Json, env: Environment): AutomationInput {
  const name = textIn(config['name']);
  if (name === undefined) throw invalid('the automation in config has no name');
  return { kind: 'automation', name, server: serverIn(objectIn(config['openMetadataServerConnection']), env) };
}

function serverIn(server: Json, env: Environment): Server {
  const hostPort = textIn(server['hostPort']);
  const token = textIn(objectIn(server['securityConfig'])['jwtToken']);
  if (hostPort === undefined || !URL.canParse(hostPort)) throw invalid('config names no server (hostPort)');
  if (token === undefined) throw invalid('config holds no token (securityConfig.jwtToken)');
  return {
    url: hostPort.replace(/\/+$/, ''),
    token: new Secret(token),
    secretsManager: textIn(server['secretsManagerProvider']) ?? textIn(env['SECRETS_MANAGER']) ?? 'file',
  };
}
