import { join } from 'node:path';
import { systemClock, systemRandom } from '@runner/core';
import { startEmbeddedPostgres } from '@runner/control-plane/embedded-postgres';
import type { TestNamespace, World } from '@runner/e2e';
import { WORKLOAD_IMAGE, agentRules, forwardTo, hostForPods, openWorld } from '@runner/e2e';
import { eventually } from '@runner/faults';
import { IMAGES } from '@runner/images';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RESTRICTED_LABELS, runPod, startPod, statusOf, untilReady } from '../support/pods.ts';
import type { ColdStart, PodOptions } from '../support/pods.ts';

const tagOf = (wanted: (typeof IMAGES)[number]['name']): string =>
  IMAGES.find(({ name }) => name === wanted)?.tag ?? 'none';
const AGENT = tagOf('agent');
const CONTROL_PLANE = tagOf('control-plane');
const NODE = '/nodejs/bin/node';

const COLD_START_MS = 3_000;
/** Of this many the fastest counts: other tests share the processors of the node. */
const STARTS = 5;

let world: World;
let namespace: TestNamespace;
beforeAll(async () => {
  world = await openWorld();
  namespace = await world.namespace('images', RESTRICTED_LABELS);
});
afterAll(() => world[Symbol.asyncDispose]());

const LOOK_AROUND = `
const { existsSync, writeFileSync } = require('node:fs');
const write = (path) => { try { writeFileSync(path, ''); return 'written'; } catch (error) { return error.code; } };
console.log(JSON.stringify({
  uid: process.getuid(),
  shell: existsSync('/bin/sh'),
  written: ['/app/x', '/tmp/x', '/x'].map(write),
  home: require('node:os').homedir(),
}));`;

describe.each([
  ['agent', AGENT],
  ['control plane', CONTROL_PLANE],
])('the image of the %s', (name, image) => {
  it('is user 1000, finds a root file system it cannot write to, and has no shell', async () => {
    const pod = `look-${name.replace(' ', '-')}`;
    const { output } = await runPod(namespace, pod, { image, command: [NODE, '--eval', LOOK_AROUND] });
    expect(JSON.parse(output)).toEqual({
      uid: 1000,
      shell: false,
      written: ['EROFS', 'EROFS', 'EROFS'],
      home: '/app',
    });
  });
});

describe('the image of the agent', () => {
  it('says without arguments what it needs, in the log and to people, and ends with 78', async () => {
    const { exitCode, output } = await runPod(namespace, 'nothing', { image: AGENT });
    expect(exitCode, output).toBe(78);
    for (const variable of ['SERVER_URL', 'AUTH_TOKEN', 'INGESTION_IMAGE']) {
      expect(output).toContain(`"variable":"${variable}"`);
      expect(output).toContain(`  ${variable}=`);
    }
    expect(output).toMatch(/Documents: https:\/\//);
  });

  it.each([
    ['version', ['version'], undefined, /^\d+\.\d+\.\d+\n$/],
    ['the list of commands', ['--help'], undefined, /registry-helper/],
    ['version as any user, as OpenShift has it', ['version'], 1_000_650_000, /^\d+\.\d+\.\d+\n$/],
  ])('prints %s', async (_what, args, user, said) => {
    const options: PodOptions = { image: AGENT, args, ...(user === undefined ? {} : { user }) };
    const { exitCode, output } = await runPod(namespace, 'words', options);
    expect({ exitCode, output }).toEqual({ exitCode: 0, output: expect.stringMatching(said) as string });
  });

  it('has runner-secrets', async () => {
    const options: PodOptions = { image: AGENT, command: ['runner-secrets', '--help'] };
    const { exitCode, output } = await runPod(namespace, 'secrets', options);
    expect({ exitCode, output }).toEqual({ exitCode: 0, output: expect.stringContaining('exec') as string });
  });

  it(`is ready within ${COLD_START_MS / 1000} s of its start, and the active one`, async () => {
    const { token } = await world.api.call('POST', 'ingestionRunners', { name: 'in-a-pod' });
    await namespace.create('Secret', { metadata: { name: 'bot' }, stringData: { token: String(token) } });
    await namespace.account('agent', agentRules(), world.root);
    const starts: number[] = [];
    for (let index = 0; index < STARTS && Math.min(...starts) > COLD_START_MS; index += 1) {
      const pod = `agent-${index}`;
      const { started, ready } = await startAgentPod(pod);
      starts.push(ready - started);
      const runner = (await world.api.call('GET', 'ingestionRunners/name/in-a-pod')) as { readonly status?: string };
      expect(runner).toMatchObject({ status: 'Active' });
      await namespace.remove('Pod', pod, { graceSeconds: 0 });
    }
    console.log(`cold start of the agent's image, container started to ready: at most ${starts.join(', ')} ms`);
    expect(Math.min(...starts)).toBeLessThanOrEqual(COLD_START_MS);
  });
});

async function startAgentPod(name: string): Promise<ColdStart> {
  const options: PodOptions = {
    image: AGENT,
    serviceAccount: 'agent',
    env: {
      AGENT_ID: 'in-a-pod',
      SERVER_URL: world.server.url().replace(/^http/, 'ws'),
      ALLOW_INSECURE_TRANSPORT: 'true',
      AUTH_TOKEN_FILE: '/run/bot/token',
      INGESTION_IMAGE: WORKLOAD_IMAGE,
      INGESTION_NAMESPACE: namespace.name,
      SECRETS_MANAGER: 'kubernetes',
      DYNAMIC_INGESTION_VERSION_ENABLED: 'false',
    },
    volumes: [{ name: 'bot', path: '/run/bot', source: { secret: { secretName: 'bot', defaultMode: 0o444 } } }],
  };
  await startPod(namespace, name, options);
  return await untilReady(namespace, name, options);
}

describe('the image of the control plane', () => {
  it('serves with a PostgreSQL and one folder to write to, and asks who calls', async () => {
    const postgres = await startEmbeddedPostgres({
      folder: join(world.root, 'postgres'),
      clock: systemClock(),
      random: systemRandom(),
    });
    try {
      const url = new URL(postgres.url);
      const host = await hostForPods(process.env);
      await using forward = await forwardTo(Number(url.port), host);
      url.host = `${host}:${forward.port}`;
      const options: PodOptions = {
        image: CONTROL_PLANE,
        env: { DATABASE_URL: url.href, PUBLIC_URL: 'https://control-plane.example.test' },
        volumes: [{ name: 'data', path: '/data', source: { emptyDir: {} } }],
      };
      await startPod(namespace, 'control-plane', options);
      const { ip, started, ready } = await untilReady(namespace, 'control-plane', options);
      console.log(`cold start of the control plane's image, new database: at most ${ready - started} ms`);
      expect(await statusOf(`http://${ip}:8585/api/v1/ingestionRunners`)).toBe(401);
      await namespace.remove('Pod', 'control-plane');
      await eventually('it is gone', async () => (await namespace.find('Pod', 'control-plane')) === undefined);
    } finally {
      await postgres.stop();
    }
  });

  it('says without a database what it needs', async () => {
    const { exitCode, output } = await runPod(namespace, 'no-database', { image: CONTROL_PLANE });
    expect(exitCode).not.toBe(0);
    expect(output).toContain('Set DATABASE_URL');
  });
});
