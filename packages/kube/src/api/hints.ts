import type { Kind } from './failures.ts';
import type { About } from './request.ts';
import type { ApiStatus } from './status.ts';

/** What an operator can do about a refusal, as a sentence; undefined where the message says it. */
export function hintFor(kind: Kind, about: About, status: ApiStatus): string | undefined {
  switch (kind.code) {
    case 'kube_unauthorized':
      return 'The API server does not accept the token or client certificate: check that the service account still exists, or log in again.';
    case 'kube_forbidden':
      return grantHint(about);
    case 'kube_quota_exceeded':
      return `Raise the ResourceQuota${inNamespace(about)}, or wait until work there has ended.`;
    case 'kube_admission_denied':
      return admissionHint(about, status.message);
    case 'kube_not_found':
      return missingHint(kind, about, status);
    case 'kube_invalid':
      return 'The object is not what the API accepts; the message names the field.';
    default:
      return undefined;
  }
}

/** The rule to add, in the words of a Role. */
function grantHint(about: About): string {
  const rule = `apiGroups: ["${about.group}"], resources: ["${about.resource}"], verbs: ["${about.verb}"]`;
  const place =
    about.namespace === undefined || about.namespace === ''
      ? 'a ClusterRole'
      : `a Role of namespace "${about.namespace}"`;
  return `Grant it in ${place} bound to the account that the message names: ${rule}.`;
}

function admissionHint(about: About, message: string): string {
  if (message.includes('violates PodSecurity')) {
    return `Pod Security${inNamespace(about)} does not allow such pods: relax its level, or the pod settings that the message names.`;
  }
  if (message.includes('failed quota')) {
    return `A ResourceQuota${inNamespace(about)} asks for resources that are not set: configure requests and limits.`;
  }
  if (message.startsWith('admission webhook')) {
    return 'An admission webhook of the cluster refuses it; its owner can say what it expects.';
  }
  return 'An admission rule of the cluster refuses it; the message says which.';
}

function missingHint(kind: Kind, about: About, status: ApiStatus): string | undefined {
  if (kind.missing === 'namespace') {
    return status.causes.includes('NamespaceTerminating')
      ? 'The namespace is being deleted; choose another one or create it again.'
      : 'Create the namespace, or correct its name in the settings.';
  }
  if (kind.missing === 'kind') {
    const group = about.group === '' ? 'the core group' : `group ${about.group}`;
    return `The API server does not serve ${about.resource} of ${group}: is it installed, in this version?`;
  }
  return undefined;
}

function inNamespace(about: About): string {
  return about.namespace === undefined || about.namespace === '' ? '' : ` of namespace "${about.namespace}"`;
}
