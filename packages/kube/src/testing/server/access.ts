import type { Random } from '@runner/core';
import type { TestRight } from '../api-server.ts';
import type { Kind } from './kinds.ts';
import { Refusal, forbidden } from './refusal.ts';
import type { Json } from './stored.ts';
import { jsonAt, textAt } from './stored.ts';

/** Who asks, and what they may do; undefined rights: everything. */
export interface Caller {
  readonly user: string;
  readonly rights: readonly TestRight[] | undefined;
}

/** What is asked for, as RBAC sees it. */
export interface Ask {
  readonly verb: string;
  readonly group: string;
  /** `pods`, `pods/log`. */
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
}

const ANONYMOUS: Caller = { user: 'system:anonymous', rights: [] };

/** Everybody who is known may ask what they may do. */
const FOR_ALL: readonly TestRight[] = [
  {
    group: 'authorization.k8s.io',
    resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
    verbs: ['create'],
  },
];

/** Tokens, and what each of them may do. */
export class Access {
  readonly #callers = new Map<string, Caller>();
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  token(rights: readonly TestRight[] | undefined): string {
    const token = `test-token-${this.#random.uuid()}`;
    const number = this.#callers.size + 1;
    const user = rights === undefined ? 'kubernetes-admin' : `system:serviceaccount:default:test-${number}`;
    this.#callers.set(token, { user, rights });
    return token;
  }

  revoke(token: string): void {
    this.#callers.delete(token);
  }

  caller(authorization: string | undefined): Caller {
    if (authorization === undefined) return ANONYMOUS;
    const caller = this.#callers.get(authorization.replace(/^Bearer /i, ''));
    if (caller === undefined) throw new Refusal(401, 'Unauthorized', 'Unauthorized');
    return caller;
  }
}

function covers(right: TestRight, ask: Ask): boolean {
  const any = (allowed: readonly string[], wanted: string): boolean =>
    allowed.includes('*') || allowed.includes(wanted);
  const named = right.names === undefined || (ask.name !== undefined && right.names.includes(ask.name));
  return (
    (right.group === '*' || right.group === ask.group) &&
    any(right.resources, ask.resource) &&
    any(right.verbs, ask.verb) &&
    (right.namespace === undefined || right.namespace === ask.namespace) &&
    named
  );
}

export function isAllowed(caller: Caller, ask: Ask): boolean {
  if (caller.rights === undefined) return true;
  const known = caller === ANONYMOUS ? [] : FOR_ALL;
  return [...caller.rights, ...known].some((right) => covers(right, ask));
}

/** Throws the 403 of the real server. */
export function authorize(caller: Caller, ask: Ask, kind: Pick<Kind, 'resource' | 'group' | 'plural'>): void {
  if (isAllowed(caller, ask)) return;
  const where = ask.namespace === undefined ? 'at the cluster scope' : `in the namespace "${ask.namespace}"`;
  throw forbidden(
    kind,
    ask.name,
    `User "${caller.user}" cannot ${ask.verb} resource "${ask.resource}" in API group "${ask.group}" ${where}`,
  );
}

/** Answers a SelfSubjectAccessReview. */
export function reviewed(caller: Caller, body: Json): Json {
  const asked = jsonAt(body, 'spec', 'resourceAttributes');
  const subresource = textAt(asked, 'subresource');
  const resource = textAt(asked, 'resource') ?? '';
  const allowed = isAllowed(caller, {
    verb: textAt(asked, 'verb') ?? '',
    group: textAt(asked, 'group') ?? '',
    resource: subresource === undefined || subresource === '' ? resource : `${resource}/${subresource}`,
    namespace: textAt(asked, 'namespace'),
    name: textAt(asked, 'name'),
  });
  return {
    kind: 'SelfSubjectAccessReview',
    apiVersion: 'authorization.k8s.io/v1',
    metadata: {},
    spec: jsonAt(body, 'spec'),
    status:
      allowed && caller.rights !== undefined
        ? { allowed, reason: 'RBAC: allowed by a rule of this test' }
        : { allowed },
  };
}
