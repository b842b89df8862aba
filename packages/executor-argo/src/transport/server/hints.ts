import type { About, KubeErrorCode } from '@runner/kube';

/** What an operator can do, where that is another thing than for a call to the API server. */
export function hintFor(code: KubeErrorCode, about: About): string | undefined {
  switch (code) {
    case 'kube_unauthorized':
      return 'The Argo Server does not accept the token: it may have expired. ARGO_TOKEN is the token of a service account (or an ARGO_TOKEN_FILE that is renewed), and the server must run with --auth-mode=client.';
    case 'kube_forbidden':
      return grantHint(about);
    case 'kube_expired':
      return undefined;
    default:
      return undefined;
  }
}

function grantHint({ group, resource, verb, namespace = '' }: About): string {
  const place = namespace === '' ? 'a ClusterRole' : `a Role of namespace "${namespace}"`;
  const verbs = SERVER_VERBS[verb] ?? [verb];
  const rule = `apiGroups: ["${group}"], resources: ["${resource}"], verbs: [${verbs.map((one) => `"${one}"`).join(', ')}]`;
  return `Grant it in ${place} bound to the service account of ARGO_TOKEN: ${rule}. The Argo Server acts with the rights of the token.`;
}

/** What Argo Server does in the name of the token for one call. */
const SERVER_VERBS: Readonly<Record<string, readonly string[]>> = {
  delete: ['get', 'delete'],
  stop: ['get', 'patch'],
  terminate: ['get', 'patch'],
  resume: ['get', 'update'],
};
