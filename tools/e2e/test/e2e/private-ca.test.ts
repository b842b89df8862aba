import { once } from 'node:events';
import { createServer } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificate } from '@runner/core/testing';
import type { TestNamespace, World } from '@runner/e2e';
import { agentRules, argoRules, exitStepPods, hasArgo, hostForPods, openWorld } from '@runner/e2e';

const KEY = 'company.pem';
const FILE = '/var/run/hybrid-runner/ca/ca.crt';

const authority = makeCertificate({ name: 'authority of a company', isAuthority: true });
let world: World;
let host: string;
beforeAll(async () => {
  world = await openWorld();
  host = await hostForPods(process.env);
});
afterAll(() => world[Symbol.asyncDispose]());

/** A source inside the company. @returns its URL, as pods reach it */
async function companyServer() {
  const { cert, key } = makeCertificate({ name: 'source of a company', issuer: authority, hosts: [host] });
  const server = createServer({ cert, key }, (_, response) => response.end('for those who trust us'));
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `https://${host}:${port}/`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

const mountsOf = ({ spec }: Awaited<ReturnType<TestNamespace['pod']>>, container: string): unknown =>
  (spec?.['containers'] as readonly { readonly name: string; readonly volumeMounts?: unknown }[]).find(
    ({ name }) => name === container,
  )?.volumeMounts;

const KINDS = hasArgo() ? (['configMap', 'secret'] as const) : (['configMap'] as const);

describe.each(KINDS)('private certificate authorities of a %s', (kind) => {
  const withArgo = kind === 'secret';
  const variable = withArgo ? 'INGESTION_CA_SECRET' : 'INGESTION_CA_CONFIGMAP';
  const content = withArgo ? { stringData: { [KEY]: authority.cert } } : { data: { [KEY]: authority.cert } };

  it(`are awaited by ${withArgo ? 'a Workflow' : 'a Job'} that lacks them, and then trusted by its program`, async () => {
    await using server = await companyServer();
    const namespace = await world.namespace(`ca-${kind.toLowerCase()}`);
    const runner = await world.runner(`ca-${kind.toLowerCase()}`, {
      namespace,
      rules: withArgo ? argoRules('crd') : agentRules(),
      ...(withArgo ? { argo: 'crd' } : {}),
      env: { [variable]: 'company-ca', INGESTION_CA_KEY: KEY, PERMANENT_GRACE_SECONDS: 'default:600' },
      workloads: { AWS_CA_BUNDLE: '/etc/mine.pem' },
    });
    await runner.activeAgent();
    const runId = await (await runner.pipeline()).trigger();
    const waiting = await world.until(
      runId,
      'it says what it lacks',
      ({ diagnosis }) => diagnosis !== undefined && diagnosis.code === 'volume_source_missing',
    );
    expect(waiting.diagnosis).toMatchObject({ category: 'configuration', permanent: true });
    expect(waiting.diagnosis?.message).toContain('"company-ca" not found');
    expect(waiting.diagnosis?.hint).toContain(variable);

    await namespace.create(withArgo ? 'Secret' : 'ConfigMap', { metadata: { name: 'company-ca' }, ...content });
    const program = await world.control.program(runId);
    expect(await program.fetch(server.url)).toEqual({ status: 200, text: 'for those who trust us' });
    expect(await program.environment()).toMatchObject({
      SSL_CERT_FILE: FILE,
      REQUESTS_CA_BUNDLE: FILE,
      NODE_EXTRA_CA_CERTS: FILE,
      AWS_CA_BUNDLE: '/etc/mine.pem',
    });
    program.exit(0);
    expect(await world.ended(runId)).toMatchObject({ state: 'succeeded' });
    if (withArgo) await world.until(runId, 'the exit step has reported', ({ writtenBy }) => writtenBy === 'exitStep');
    const pods = [await namespace.pod(runId), ...(withArgo ? await exitStepPods(namespace, runId) : [])];
    for (const pod of pods) {
      expect(mountsOf(pod, 'main')).toContainEqual({
        ...{ name: 'private-ca', mountPath: '/var/run/hybrid-runner/ca', readOnly: true },
      });
    }
    expect(pods).toHaveLength(withArgo ? 2 : 1);
  });
});
