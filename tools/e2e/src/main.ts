import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { argoServerUrl, lackOfArgo } from './argo.ts';
import { openCluster } from './cluster.ts';
import { WITHOUT_ARGO, exclusionsOn } from './exclusions.ts';
import { packImage } from './image/pack.ts';
import { isOurCluster } from './ours.ts';

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));

const SKIPPED = `
################################################################################
#  SKIPPED: the tests on a real cluster did not run. KUBECONFIG names none.    #
#                                                                              #
#  On a bare Linux machine:  tools/cluster/cluster up                          #
#                            export KUBECONFIG=~/.cache/runner-cluster/kubeconfig
################################################################################
`;

/** npm run test:e2e: packs and loads the image where that can be done, then runs the tests. */
async function main(words: readonly string[]): Promise<number> {
  const kubeconfig = process.env['KUBECONFIG'] ?? '';
  if (kubeconfig === '') {
    process.stdout.write(SKIPPED);
    return 0;
  }
  if (!existsSync(kubeconfig)) throw new Error(`KUBECONFIG names ${kubeconfig}, which is not there`);
  const ours = isOurCluster(kubeconfig, process.env);
  const lack = await lackOfArgo(openCluster(kubeconfig), argoServerUrl(process.env));
  const { patterns, lines } = exclusionsOn({ ours, lackOfArgo: lack });
  for (const line of lines) process.stdout.write(`\n${line}\n`);
  if (ours) await packImage({ load: true });
  const vitest = join(REPOSITORY, 'node_modules/vitest/vitest.mjs');
  const child = spawn(
    process.execPath,
    [
      vitest,
      'run',
      ...['--project', 'e2e', '--project', 'e2e-alone'],
      ...patterns.flatMap((pattern) => ['--exclude', pattern]),
      ...words,
    ],
    {
      cwd: REPOSITORY,
      stdio: 'inherit',
      env: { ...process.env, [WITHOUT_ARGO]: String(lack !== undefined) },
    },
  );
  return await new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? (signal === null ? 1 : 143)));
  });
}

process.exitCode = await main(process.argv.slice(2));
