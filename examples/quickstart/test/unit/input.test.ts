import { describe, expect, it } from 'vitest';
import { parseInput } from '../../src/input.ts';

const server = { hostPort: 'http://127.0.0.1:8585/api/', securityConfig: { jwtToken: 'a made-up token' } };
const config = {
  source: { type: 'postgres', serviceName: 'shop_pg', sourceConfig: { config: {} } },
  workflowConfig: { openMetadataServerConfig: server },
  ingestionPipelineFQN: 'shop_pg.metadata',
};
const runId = '6f1d3c1e-0000-4000-8000-000000000001';
const env = (changes: Record<string, unknown> = {}, more: Record<string, string> = {}) => ({
  config: JSON.stringify({ ...config, ...changes }),
  pipelineType: 'metadata',
  pipelineRunId: runId,
  ...more,
});

describe('the environment of a workload', () => {
  it('of a pipeline says what to read and whom to tell', () => {
    expect(parseInput(env({}, { SECRETS_MANAGER: 'env' }))).toMatchObject({
      kind: 'pipeline',
      runId,
      fqn: 'shop_pg.metadata',
      pipelineType: 'metadata',
      serviceName: 'shop_pg',
      connection: undefined,
      server: { url: 'http://127.0.0.1:8585/api', secretsManager: 'env' },
    });
  });

  it('has a secrets manager in its config, which outranks the variable', () => {
    const openMetadataServerConfig = { ...server, secretsManagerProvider: 'file' };
    const input = parseInput(env({ workflowConfig: { openMetadataServerConfig } }, { SECRETS_MANAGER: 'env' }));
    expect(input.server.secretsManager).toBe('file');
  });

  it('of an automation names it, and needs no pipeline', () => {
    const automation = { workflowType: 'TEST_CONNECTION', name: 'test-1', openMetadataServerConnection: server };
    expect(parseInput({ config: JSON.stringify(automation) })).toMatchObject({ kind: 'automation', name: 'test-1' });
  });

  it.each([
    [{}, 'config is missing'],
    [{ config: '{"password": hunter2}' }, 'not JSON'],
    [{ config: '{"appConfig":{}}' }, 'neither'],
    [{ ...env(), pipelineRunId: '' }, 'pipelineRunId'],
    [{ ...env(), pipelineType: '' }, 'pipelineType'],
    [env({ workflowConfig: {} }), 'hostPort'],
    [env({ workflowConfig: { openMetadataServerConfig: { hostPort: 'http://x/api' } } }), 'jwtToken'],
    [env({ source: { type: 'postgres' } }), 'serviceName'],
  ])('that is incomplete is refused with what is wrong (%#)', (given, text) => {
    const parse = (): unknown => parseInput(given);
    expect(parse).toThrow(text);
    expect(parse).not.toThrow('hunter2');
  });

  it('never prints its token', () => {
    expect(JSON.stringify(parseInput(env()))).not.toContain('a made-up token');
  });
});
