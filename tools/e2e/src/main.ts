import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
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

/** They stop programs of the cluster, or need a node that is this machine: only tools/cluster allows that. */
const OURS_ONLY = ['**/*outages.test.ts', '**/registry.test.ts', '**/registry-helper.test.ts', '**/images.test.ts'];
const WITHOUT_OURS = `
### SKIPPED: ${OURS_ONLY.join(', ')}. This is not the cluster of tools/cluster.
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
  if (ours) await packImage({ load: true });
  else process.stdout.write(WITHOUT_OURS);
  const vitest = join(REPOSITORY, 'node_modules/vitest/vitest.mjs');
  const child = spawn(
    process.execPath,
    [
      vitest,
      'run',
      ...['--project', 'e2e', '--project', 'e2e-alone'],
      ...(ours ? [] : OURS_ONLY.flatMap((pattern) => ['--exclude', pattern])),
      ...words,
    ],
    {
      cwd: REPOSITORY,
      stdio: 'inherit',
    },
  );
  return await new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? (signal === null ? 1 : 143)));
  });
}

process.exitCode = await main(process.argv.slice(2));
