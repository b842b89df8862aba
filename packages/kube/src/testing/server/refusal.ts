import type { Kind } from './kinds.ts';

/** One field that is wrong. */
export interface FieldCause {
  readonly field: string;
  readonly reason:
    | 'FieldValueInvalid'
    | 'FieldValueRequired'
    | 'FieldValueNotSupported'
    | 'FieldValueNotFound'
    | 'FieldValueTooLong'
    | 'FieldValueForbidden';
  readonly message: string;
}

export interface RefusalDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly FieldCause[];
  readonly retryAfterSeconds?: number;
}

/** An answer that is not success; its body is a `Status`. */
export class Refusal extends Error {
  readonly status: number;
  readonly reason: string | undefined;
  readonly details: RefusalDetails | undefined;
  /** Of `metadata`; only the 410 of a list has some. */
  readonly listMeta: Readonly<Record<string, unknown>>;

  constructor(
    status: number,
    reason: string | undefined,
    message: string,
    details?: RefusalDetails,
    listMeta: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.reason = reason;
    this.details = details;
    this.listMeta = listMeta;
  }

  body(): Readonly<Record<string, unknown>> {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: this.listMeta,
      status: 'Failure',
      message: this.message,
      ...(this.reason === undefined ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.status,
    };
  }
}

/** `details` that name an object of a kind; without a name, the kind. */
export function detailsOf(kind: Kind, name?: string): RefusalDetails {
  return {
    ...(name === undefined || name === '' ? {} : { name }),
    ...(kind.group === '' ? {} : { group: kind.group }),
    kind: kind.plural,
  };
}

export function badRequest(message: string): Refusal {
  return new Refusal(400, 'BadRequest', message);
}

export function notFound(kind: Kind, name: string): Refusal {
  return new Refusal(404, 'NotFound', `${kind.resource} "${name}" not found`, detailsOf(kind, name));
}

export function noSuchResource(): Refusal {
  return new Refusal(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function notAllowed(): Refusal {
  return new Refusal(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
}

export function alreadyExists(kind: Kind, name: string): Refusal {
  return new Refusal(409, 'AlreadyExists', `${kind.resource} "${name}" already exists`, detailsOf(kind, name));
}

export function conflict(kind: Kind, name: string): Refusal {
  return new Refusal(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${kind.resource} "${name}": the object has been modified; please apply your changes to the latest version and try again`,
    detailsOf(kind, name),
  );
}

/** 403: by RBAC, quota or admission; `why` follows "is forbidden: ". */
export function forbidden(
  kind: Pick<Kind, 'resource' | 'group' | 'plural'>,
  name: string | undefined,
  why: string,
): Refusal {
  const subject = name === undefined || name === '' ? kind.resource : `${kind.resource} "${name}"`;
  return new Refusal(403, 'Forbidden', `${subject} is forbidden: ${why}`, {
    ...(name === undefined || name === '' ? {} : { name }),
    ...(kind.group === '' ? {} : { group: kind.group }),
    kind: kind.plural,
  });
}

/** 422 with everything that is wrong at once. */
export function invalid(
  kind: Pick<Kind, 'qualified' | 'kind' | 'group'>,
  name: string,
  causes: readonly FieldCause[],
): Refusal {
  // The same line is said once, the causes are all listed.
  const lines = [...new Set(causes.map((cause) => `${cause.field}: ${cause.message}`))];
  const text = lines.length === 1 ? lines.join('') : `[${lines.join(', ')}]`;
  return new Refusal(422, 'Invalid', `${kind.qualified} "${name}" is invalid: ${text}`, {
    ...(name === '' ? {} : { name }),
    ...(kind.group === '' ? {} : { group: kind.group }),
    kind: kind.kind,
    causes,
  });
}

/** A watch from a version that is no longer remembered. */
export function tooOld(asked: number, oldest: number): Refusal {
  return new Refusal(410, 'Expired', `too old resource version: ${asked} (${oldest})`);
}
