import type { Findings } from './finding.ts';
import { fileText } from './files.ts';
import type { Environment, ReadFile } from './read.ts';

/** How the agent reaches the API server. */
export type ClusterAccess =
  | { readonly kind: 'kubeconfig'; readonly path: string }
  /** As the pod's service account. */
  | { readonly kind: 'inCluster' };

/** Where Kubernetes mounts it; client libraries know no other place either. */
const TOKEN_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/**
 * A kubeconfig that is named wins: whoever sets it inside a pod (a build of a CI system, say) does not mean the pod's own
 * cluster.
 */
export function clusterAccess(
  kubeconfig: string | undefined,
  env: Environment,
  readFile: ReadFile,
  out: Findings,
): ClusterAccess {
  if (kubeconfig !== undefined) {
    if (fileText('KUBECONFIG', kubeconfig, readFile, out)?.trim() === '') {
      out.problems.push({
        variable: 'KUBECONFIG',
        read: kubeconfig,
        message: 'names a file that is empty',
        fix: 'write a kubeconfig into it',
      });
    }
    return { kind: 'kubeconfig', path: kubeconfig };
  }
  const isTold = out.problems.some((problem) => problem.variable === 'KUBECONFIG');
  const missing = isTold ? undefined : inClusterProblem(env, readFile);
  if (missing !== undefined) out.problems.push({ variable: 'KUBECONFIG', read: undefined, ...missing });
  return { kind: 'inCluster' };
}

function inClusterProblem(env: Environment, readFile: ReadFile) {
  if ((env['KUBERNETES_SERVICE_HOST'] ?? '') === '') {
    return {
      message: 'is not set, and this is no pod of Kubernetes: there is no way to a cluster',
      fix: 'set it to the path of a kubeconfig, or run the agent in the cluster',
    };
  }
  if (isServiceAccountAtHand(env, readFile)) return undefined;
  return {
    message: `is not set, and this pod has no service account token at ${TOKEN_FILE}`,
    fix: "set automountServiceAccountToken to true for the agent's pod, or name a kubeconfig",
  };
}

/** This is a pod, and its service account's token is mounted, with the certificate authority of the cluster beside it. */
export function isServiceAccountAtHand(env: Environment, readFile: ReadFile): boolean {
  if ((env['KUBERNETES_SERVICE_HOST'] ?? '') === '') return false;
  try {
    readFile(TOKEN_FILE);
    return true;
  } catch {
    return false;
  }
}
