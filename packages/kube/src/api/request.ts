import type { KubeErrorDetails } from '../errors.ts';

/** One request to the API, and what it is about in the words of RBAC. */
export interface KubeRequest {
  readonly about: About;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  /** JSON. */
  readonly body?: string;
  /** Of the body. Default `application/json`. */
  readonly contentType?: string;
  /** What may come back. Default `application/json`. */
  readonly accept?: string;
}

/** For messages, hints and metrics. */
export interface About {
  readonly verb: string;
  readonly group: string;
  /** With subresource: `pods/log`. */
  readonly resource: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** `create jobs "run-1" in namespace "runs"`. */
export function describeAbout(about: About): string {
  const name = about.name === undefined ? '' : ` "${about.name}"`;
  const namespace = about.namespace === undefined || about.namespace === '' ? '' : ` in namespace "${about.namespace}"`;
  return `${about.verb} ${about.resource}${name}${namespace}`;
}

export function detailsOf(about: About): KubeErrorDetails {
  const { verb, resource, namespace, name } = about;
  return {
    verb,
    resource,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
  };
}
