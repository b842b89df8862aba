import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SECRETS } from '@runner/kube';
import { startTestApiServer } from '@runner/kube/testing';
import { build } from 'tsup';
import { expect, it } from 'vitest';
import { options } from '../../tsup.config.ts';
import { startAgent } from '../agent-process.ts';
import { AGENT_ID, testControlPlane } from '../control-plane.ts';
import { temporaryFolder } from '../folder.ts';
import { testCollector } from '../otlp-collector.ts';
import { startTestClouds } from '../registry-clouds.ts';
import { testToken } from '../tokens.ts';

/**
 * Clients of clouds, Kubernetes and collectors: together they would take more memory than everything else of the agent.
 * The words of OpenTelemetry without anything behind them come with the metrics library.
 */
const VENDORS =
  /node_modules\/(@kubernetes|@opentelemetry(?!\/api\/)|@aws-sdk|@azure|@google-cloud|google-auth-library|openid-client)\//;

interface Metafile {
  readonly outputs: Readonly<
    Record<
      string,
      {
        readonly inputs: Readonly<Record<string, unknown>>;
        readonly imports: readonly { readonly path: string; readonly kind: string; readonly external?: boolean }[];
      }
    >
  >;
}

function readMetafile(dist: string): Metafile {
  return JSON.parse(readFileSync(join(dist, 'metafile-esm.json'), 'utf8')) as Metafile;
}

/** The sources in the file of the bundle that has this one, and in those it cannot be loaded without. */
function loadedWith({ outputs }: Metafile, source: string): readonly string[] {
  const first = Object.keys(outputs).find((path) => Object.keys(outputs[path]?.inputs ?? {}).includes(source));
  const files = new Set(first === undefined ? [] : [first]);
  for (const file of files) {
    for (const { path, kind, external } of outputs[file]?.imports ?? []) {
      if (external !== true && kind === 'import-statement') files.add(path);
    }
  }
  return [...files].flatMap((file) => Object.keys(outputs[file]?.inputs ?? {}));
}

const RUN = '11111111-2222-4333-8444-555555555555';

/** Settings with which each cloud's SDK is loaded and then finds nobody. */
const NOWHERE = 'http://127.0.0.1:1';
const CLOUDS = {
  aws: { AWS_DEFAULT_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'nobody', AWS_SECRET_ACCESS_KEY: 'nothing' },
  'aws-ssm': { AWS_DEFAULT_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'nobody', AWS_SECRET_ACCESS_KEY: 'nothing' },
  'azure-kv': { AZURE_KEY_VAULT_NAME: 'nowhere', AZURE_TENANT_ID: 'a', AZURE_CLIENT_ID: 'b', AZURE_CLIENT_SECRET: 'c' },
  gcp: { GOOGLE_CLOUD_PROJECT: 'nowhere-1', GOOGLE_APPLICATION_CREDENTIALS: '/nonexistent' },
} as const;

function checkedInCloud(command: string, cloud: keyof typeof CLOUDS): string {
  const { stdout } = spawnSync(process.execPath, [command, 'check', '--json', 'secret:any'], {
    env: { SECRETS_MANAGER: cloud, AWS_ENDPOINT_URL: NOWHERE, HTTPS_PROXY: NOWHERE, ...CLOUDS[cloud] },
    encoding: 'utf8',
  });
  const [result] = JSON.parse(stdout) as readonly { readonly error?: { readonly code: string } }[];
  return result?.error?.code ?? 'no error';
}

/** The SDKs of the registry helper, which make the pull secret from what servers of this machine give. */
const REGISTRIES = {
  ecr: { AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'nobody', AWS_SECRET_ACCESS_KEY: 'nothing' },
  gar: { DOCKER_REGISTRY: 'europe-west1-docker.pkg.dev', METADATA_SERVER_DETECTION: 'assume-present' },
} as const;

async function pullSecretBy(main: string, type: keyof typeof REGISTRIES): Promise<string | undefined> {
  using folder = temporaryFolder();
  await using server = await startTestApiServer({ namespaces: ['runner'] });
  await using clouds = await startTestClouds();
  const kubeconfig = join(folder.path, 'kubeconfig');
  writeFileSync(kubeconfig, server.kubeconfig(undefined, 'runner'), { mode: 0o600 });
  const place = { KUBECONFIG: kubeconfig, NAMESPACE_NAME: 'runner', DOCKER_SECRET_NAME: 'pull', REGISTRY_TYPE: type };
  const reached = { AWS_ENDPOINT_URL: clouds.url, GCE_METADATA_HOST: clouds.host };
  await using helper = startAgent({
    main,
    args: ['registry-helper'],
    env: { ...place, ...reached, ...REGISTRIES[type] },
  });
  await helper.exit;
  return server.object(SECRETS, 'runner', 'pull')?.type;
}

it('the bundle starts alone in an empty folder and runs a program', async () => {
  using dist = temporaryFolder();
  using place = temporaryFolder();
  const room = fileURLToPath(new URL('../../', import.meta.url));
  const entry = Object.fromEntries(Object.entries(options.entry ?? {}).map(([name, path]) => [name, join(room, path)]));
  await build({
    ...options,
    entry,
    tsconfig: join(room, 'tsconfig.lib.json'),
    outDir: dist.path,
    sourcemap: false,
    config: false,
    silent: true,
    metafile: true,
  });
  expect(readdirSync(dist.path)).toEqual(expect.arrayContaining(['main.js', 'runner-secrets.js', 'supervisor.js']));
  const metafile = readMetafile(dist.path);
  const running = loadedWith(metafile, 'apps/agent/src/run.ts');
  expect(running).toEqual(expect.arrayContaining([expect.stringContaining('packages/kube/src/index.ts')]));
  expect(running.filter((input) => VENDORS.test(input))).toEqual([]);
  // Executors, and the reader of YAML, are loaded when they are chosen.
  expect(running.filter((input) => /^packages\/executor-|node_modules\/yaml\//.test(input))).toEqual([]);
  // Commands come with what they need: the start of any of them loads no other.
  const first = loadedWith(metafile, 'apps/agent/src/main.ts');
  expect(first.filter((input) => input.startsWith('packages/'))).toEqual([]);
  expect(first.some((input) => input.includes('commander'))).toBe(true);
  const command = join(dist.path, 'runner-secrets.js');
  for (const cloud of Object.keys(CLOUDS) as (keyof typeof CLOUDS)[]) {
    expect(checkedInCloud(command, cloud), cloud).toMatch(/^secret_(unreachable|misconfigured|forbidden)$/);
  }
  for (const type of Object.keys(REGISTRIES) as (keyof typeof REGISTRIES)[]) {
    expect(await pullSecretBy(join(dist.path, 'main.js'), type), type).toBe('kubernetes.io/dockerconfigjson');
  }

  await using controlPlane = await testControlPlane();
  await using collector = await testCollector();
  await using agent = startAgent({
    main: join(dist.path, 'main.js'),
    cwd: place.path,
    env: {
      AGENT_ID,
      AUTH_TOKEN: testToken({ sub: 'bot' }),
      SERVER_URL: controlPlane.url,
      EXECUTOR_TYPE: 'local',
      LOCAL_EXECUTOR_DIR: join(place.path, 'runs'),
      INGESTION_COMMAND: JSON.stringify([process.execPath, '--eval', 'console.log("it is", process.env.SECRET_OF_IT)']),
      INGESTION_EXTRA_ENVS: 'SECRET_OF_IT:not-a-real-value',
      RUNNER_SECRET_DB: 'not-a-real-value',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    },
  });
  await agent.line(/secretsManager=env/);
  await controlPlane.untilActive();
  controlPlane.submit({ runId: RUN, connection: { type: 'Postgres', value: { password: 'secret:db' } } });
  const row = await controlPlane.until('the outcome', RUN, ({ endedAt }) => endedAt !== undefined);
  expect(row, agent.output).toMatchObject({ state: 'succeeded' });
  expect(await controlPlane.log(RUN)).toBe('it is [redacted]\n');
  agent.kill('SIGTERM');
  expect(await agent.exit).toMatchObject({ code: 0 });
  expect(collector.spans).toMatchObject([{ name: 'run metadata', attributes: { 'runner.run.id': RUN } }]);
});
