import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock, systemRandom } from '@runner/core';
import { recordingLogger } from '@runner/core/testing';
import type { Executor } from '@runner/executor';
import { startTestApiServer } from '@runner/kube/testing';
import { describe, expect, it, vi } from 'vitest';
import { loadConfig } from '@runner/agent/config';
import { createExecutor } from '../../src/executors.ts';
import { temporaryFolder } from '../folder.ts';
import { testToken } from '../tokens.ts';

const RUN = '11111111-2222-4333-8444-555555555555';
const NAMESPACE = 'ingestion';

/** An Argo in memory, and executors as the agent makes them of its environment. */
async function stage() {
  // As the agent loads them: not before they are chosen.
  const { WORKFLOWS } = await import('@runner/executor-argo');
  const { startTestArgoServer } = await import('@runner/executor-argo/testing');
  const folder = temporaryFolder();
  const api = await startTestApiServer({ namespaces: [NAMESPACE] });
  const server = await startTestArgoServer({ api });
  const logger = recordingLogger();
  const executors: Executor[] = [];
  const environment = {
    AUTH_TOKEN: testToken({}),
    SERVER_URL: 'wss://control.example.test',
    EXECUTOR_TYPE: 'argo',
    INGESTION_NAMESPACE: NAMESPACE,
    INGESTION_IMAGE: 'example.test/ingestion:1',
    ARGO_TEST_CONNECTION_BACKOFF_TIME: '0',
  };
  const [clock, random] = [systemClock(), systemRandom()];
  return {
    ...{ api, server, logger },
    /** The texts of the templates of the only Workflow. */
    templates: () => (api.objects(WORKFLOWS)[0]?.spec?.templates ?? []).map((template) => JSON.stringify(template)),
    write: async (name: string, text: string) => {
      const path = join(folder.path, name);
      await writeFile(`${path}.new`, text, { mode: 0o600 });
      await rename(`${path}.new`, path);
      return path;
    },
    executor: async (env: Readonly<Record<string, string>>) => {
      const readFile = (path: string): string => readFileSync(path, 'utf8');
      const result = await loadConfig({ ...environment, ...env }, readFile, clock.now());
      if (!result.ok) throw new Error(JSON.stringify(result.problems));
      const { config } = result;
      const made = await createExecutor(config.executor, {
        ...{ config, environment: env, clock, random, logger },
        apiObserver: {},
      });
      executors.push(made);
      return made;
    },
    [Symbol.asyncDispose]: async () => {
      for (const one of executors) await one.close();
      await server[Symbol.asyncDispose]();
      await api[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

const until = (what: string, look: () => boolean) =>
  vi.waitUntil(look, { timeout: 10_000, interval: 5 }).catch((error: unknown) => {
    throw new Error(what, { cause: error });
  });

const NEVER = new AbortController().signal;
const SPEC = {
  runId: RUN,
  owner: { controlPlaneId: 'cp', agentId: 'agent' },
  kind: 'pipeline',
  pipelineType: 'metadata',
  name: 'nightly',
  fqn: 'shop.nightly',
  config: {
    workflowConfig: { openMetadataServerConfig: { securityConfig: { jwtToken: 'of-the-program' } } },
    ingestionPipelineFQN: 'shop.nightly',
    pipelineRunId: RUN,
  },
  exitToken: 'of-the-exit-step',
  deadlineSeconds: 60,
} as const;

describe('the executor of Workflows', () => {
  it('asks an Argo Server again until it answers as one, tells each other answer once, and looks at its rights then', async () => {
    await using s = await stage();
    const tokenFile = await s.write('token', 'expired');
    const executor = await s.executor({ PIPELINE_SERVICE_CLIENT_ENDPOINT: s.server.url, ARGO_TOKEN_FILE: tokenFile });
    const takeBack = s.server.fault({ kind: 'html' });
    const looking = executor.preflight(NEVER);
    const told = () => s.logger.records.filter(({ level }) => level === 'error').map(({ message }) => message);
    await until('it was asked three times', () => s.server.calls.length >= 3);
    expect(told()).toHaveLength(1);
    takeBack();
    await until('the refused token was told', () => told().length === 2);
    const token = s.api.token();
    await s.write('token', token);
    const codes = (await looking).map(({ code }) => code);
    expect(codes).toContain('argo_usable');
    expect(told()).toEqual([expect.stringContaining('no JSON object'), expect.stringContaining('Unauthorized')]);
    expect(s.logger.text()).not.toContain(token);
  });

  it.each(['server', 'crd'] as const)(
    'gives program and exit step their own tokens, and files their say, over %s',
    async (way) => {
      await using s = await stage();
      const container = await s.write('container.yaml', 'imagePullPolicy: Always\n');
      const executor = await s.executor({
        ARGO_INGESTION_CONTAINER_SPEC_FILE_PATH: container,
        ...(way === 'server'
          ? { PIPELINE_SERVICE_CLIENT_ENDPOINT: s.server.url, ARGO_TOKEN: `Bearer ${s.api.token()}` }
          : { KUBECONFIG: await s.write('kubeconfig', s.api.kubeconfig(undefined, NAMESPACE)) }),
      });
      expect((await executor.scope(NEVER)).description).toContain(way === 'server' ? s.server.url : 'the cluster at');
      expect(await executor.submit(SPEC, NEVER)).toMatchObject({ created: true });
      const [main = '', exit = ''] = s.templates();
      expect(main).toContain('of-the-program');
      expect(main).toContain('"imagePullPolicy":"Always"');
      expect(main).not.toContain('of-the-exit-step');
      expect(exit).toContain('of-the-exit-step');
      expect(exit).not.toContain('of-the-program');
      expect(s.logger.text()).not.toMatch(/of-the-(program|exit-step)/);
    },
  );

  it('leaves when it is told to, although nobody answers as Argo does', async () => {
    await using s = await stage();
    s.server.fault({ kind: 'redirect' });
    const executor = await s.executor({ PIPELINE_SERVICE_CLIENT_ENDPOINT: s.server.url, ARGO_TOKEN: 'any' });
    const leaving = new AbortController();
    const looking = executor.preflight(leaving.signal);
    await until('it was told', () => s.logger.text().includes('argo_unusable'));
    leaving.abort();
    await expect(looking).rejects.toMatchObject({ code: 'aborted' });
    await executor.close();
  });
});
