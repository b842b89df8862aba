import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'tsup';
import { expect, it } from 'vitest';
import { options } from '../../tsup.config.ts';
import { startAgent } from '../agent-process.ts';
import { AGENT_ID, testControlPlane } from '../control-plane.ts';
import { temporaryFolder } from '../folder.ts';
import { testToken } from '../tokens.ts';

/** Clients of clouds and of Kubernetes: together they would take more memory than everything else of the agent. */
const VENDORS = /node_modules\/(@kubernetes|@aws-sdk|@azure|@google-cloud|google-auth-library|openid-client)\//;

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

/** The sources in this file of the bundle, and in those it cannot be loaded without. */
function loadedAtStart({ outputs }: Metafile, entry: string): readonly string[] {
  const first = Object.keys(outputs).find((path) => basename(path) === entry);
  const files = new Set(first === undefined ? [] : [first]);
  for (const file of files) {
    for (const { path, kind, external } of outputs[file]?.imports ?? []) {
      if (external !== true && kind === 'import-statement') files.add(path);
    }
  }
  return [...files].flatMap((file) => Object.keys(outputs[file]?.inputs ?? {}));
}

const RUN = '11111111-2222-4333-8444-555555555555';

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
  expect(readdirSync(dist.path)).toEqual(expect.arrayContaining(['main.js', 'supervisor.js']));
  const atStart = loadedAtStart(readMetafile(dist.path), 'main.js');
  expect(atStart).toEqual(expect.arrayContaining([expect.stringContaining('packages/kube/src/index.ts')]));
  expect(atStart.filter((input) => VENDORS.test(input))).toEqual([]);

  await using controlPlane = await testControlPlane();
  await using agent = startAgent({
    main: join(dist.path, 'main.js'),
    cwd: place.path,
    env: {
      AGENT_ID,
      AUTH_TOKEN: testToken({ sub: 'bot' }),
      SERVER_URL: controlPlane.url,
      EXECUTOR_TYPE: 'local',
      LOCAL_EXECUTOR_DIR: join(place.path, 'runs'),
      INGESTION_COMMAND: JSON.stringify([process.execPath, '--eval', 'console.log("done")']),
    },
  });
  await agent.line(/secretsManager=env/);
  await controlPlane.untilActive();
  controlPlane.submit({ runId: RUN });
  const row = await controlPlane.until('the outcome', RUN, ({ endedAt }) => endedAt !== undefined);
  expect(row, agent.output).toMatchObject({ state: 'succeeded' });
  agent.kill('SIGTERM');
  expect(await agent.exit).toMatchObject({ code: 0 });
});
