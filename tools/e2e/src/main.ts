import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packImage } from './image/pack.ts';

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));

const SKIPPED = `
################################################################################
#  SKIPPED: the tests on a real cluster did not run. KUBECONFIG names none.    #
#                                                                              #
#  On a bare Linux machine:  tools/cluster/cluster up                          #
#                            export KUBECONFIG=~/.cache/runner-cluster/kubeconfig
################################################################################
`;

/** Whether this is the cluster of tools/cluster, onto whose node the image can be loaded from here. */
function isOurs(kubeconfig: string): boolean {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return kubeconfig === join(process.env['CLUSTER_HOME'] ?? join(cache, 'runner-cluster'), 'kubeconfig');
}

/** npm run test:e2e: packs and loads the image where that can be done, then runs the tests. */
async function main(words: readonly string[]): Promise<number> {
  const kubeconfig = process.env['KUBECONFIG'] ?? '';
  if (kubeconfig === '') {
    process.stdout.write(SKIPPED);
    return 0;
  }
  if (!existsSync(kubeconfig)) throw new Error(`KUBECONFIG names ${kubeconfig}, which is not there`);
  if (isOurs(kubeconfig)) await packImage({ load: true });
  const vitest = join(REPOSITORY, 'node_modules/vitest/vitest.mjs');
  const child = spawn(process.execPath, [vitest, 'run', '--project', 'e2e', ...words], {
    cwd: REPOSITORY,
    stdio: 'inherit',
  });
  return await new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? (signal === null ? 1 : 143)));
  });
}

process.exitCode = await main(process.argv.slice(2));
