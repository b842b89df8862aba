import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'tsup';
import { expect, it } from 'vitest';
import { options } from '../../tsup.config.ts';
import { startAgent } from '../agent-process.ts';
import { AGENT_ID, testControlPlane } from '../control-plane.ts';
import { temporaryFolder } from '../folder.ts';
import { testToken } from '../tokens.ts';

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
  });
  expect(readdirSync(dist.path).sort()).toEqual(['main.js', 'supervisor.js']);

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
