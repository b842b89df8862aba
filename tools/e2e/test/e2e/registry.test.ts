import { once } from 'node:events';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestNamespace, World } from '@runner/e2e';
import { agentRules, openWorld } from '@runner/e2e';

/*
 * A registry of the test on this machine's 127.0.0.1, where the node of tools/cluster finds it; npm run test:e2e leaves
 * this file out on any other cluster. Runtimes speak plain HTTP to registries of their own machine.
 */

/** What the registry says of each of its images. */
const ANSWERS: Readonly<Record<string, readonly [status: number, code: string, message: string]>> = {
  missing: [404, 'MANIFEST_UNKNOWN', 'manifest unknown'],
  private: [401, 'UNAUTHORIZED', 'authentication required'],
  busy: [429, 'TOOMANYREQUESTS', 'too many requests'],
};

let world: World;
let namespace: TestNamespace;
let registry: Server;
let address: string;
beforeAll(async () => {
  registry = createServer((request, response) => {
    const [, name = ''] = /^\/v2\/team\/([^/]+)\/manifests\//.exec(request.url ?? '') ?? [];
    const [status, code, message] = ANSWERS[name] ?? [404, 'NAME_UNKNOWN', 'no such image'];
    response.writeHead(status, {
      'content-type': 'application/json',
      ...(status === 401 ? { 'www-authenticate': 'Basic realm="the registry of the test"' } : {}),
    });
    response.end(JSON.stringify({ errors: [{ code, message }] }));
  });
  registry.listen(0, '127.0.0.1');
  await once(registry, 'listening');
  const bound = registry.address();
  address = typeof bound === 'object' && bound !== null ? `127.0.0.1:${bound.port}` : '';
  world = await openWorld();
  namespace = await world.namespace('registry');
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  registry.closeAllConnections();
  registry.close();
});

interface Case {
  readonly what: string;
  readonly image: string;
  readonly code: string;
  readonly permanent: boolean;
  readonly says: RegExp;
  readonly hint: RegExp;
  readonly pullSecrets?: string;
}

const CASES: readonly Case[] = [
  {
    what: 'does not exist',
    image: 'missing',
    ...{ code: 'image_not_found', permanent: true },
    says: /team\/missing:1 does not exist in its registry/,
    hint: /INGESTION_IMAGE/,
  },
  {
    what: 'wants credentials',
    image: 'private',
    ...{ code: 'image_unauthorized', permanent: true },
    says: /does not give the image .*team\/private:1/,
    hint: /INGESTION_IMAGE_PULL_SECRETS/,
  },
  {
    what: 'wants credentials, and whose pull secret does not exist',
    image: 'private',
    pullSecrets: 'no-such-secret',
    ...{ code: 'pull_secret_missing', permanent: true },
    says: /the pull secret no-such-secret does not exist/,
    hint: /dockerconfigjson/,
  },
  {
    what: 'is pulled too often',
    image: 'busy',
    ...{ code: 'image_rate_limited', permanent: false },
    says: /too many pulls/,
    hint: /tried again by itself/,
  },
];

describe.concurrent('a run whose image', () => {
  it.for(CASES)('$what shows it', async (one, { task }) => {
    const runner = await world.runner(`registry-${task.id.replaceAll(/[^a-z0-9]/g, '-')}`, {
      namespace,
      rules: agentRules(),
      env: {
        INGESTION_IMAGE: `${address}/team/${one.image}:1`,
        PERMANENT_GRACE_SECONDS: 'image:12',
        ...(one.pullSecrets === undefined ? {} : { INGESTION_IMAGE_PULL_SECRETS: one.pullSecrets }),
      },
    });
    await runner.activeAgent();
    const runId = await (await runner.pipeline()).trigger();
    const { code, permanent } = one;
    const run = await world.until(runId, `the run says ${code}`, ({ diagnosis }) => diagnosis?.code === code);
    expect(run).toMatchObject({ state: 'pending', diagnosis: { category: 'image', permanent } });
    expect(run.diagnosis?.message).toMatch(one.says);
    expect(run.diagnosis?.hint).toMatch(one.hint);
    if (!permanent) return;
    expect(await world.ended(runId)).toMatchObject({ state: 'failed', diagnosis: { category: 'image' } });
    expect(world.control.executions(runId)).toBe(0);
  });
});
