import { homedir } from 'node:os';
import { join } from 'node:path';

/** Whether this kubeconfig is that of tools/cluster, whose node images can be loaded onto and whose programs can be stopped. */
export function isOurCluster(kubeconfig: string, env: Readonly<Record<string, string | undefined>>): boolean {
  const cache = env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return kubeconfig === join(env['CLUSTER_HOME'] ?? join(cache, 'runner-cluster'), 'kubeconfig');
}
