/** What the API says of a failure (`kind: Status`), as far as it is needed. */
export interface ApiStatus {
  readonly code: number | undefined;
  readonly reason: string | undefined;
  readonly message: string;
  /** What it is about, where the API says so: a name, and a plural such as `jobs`. */
  readonly name: string | undefined;
  readonly kind: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  /** Reasons of its causes. */
  readonly causes: readonly string[];
}

/** A Status, or undefined where the value is something else. */
export function statusOf(value: unknown): ApiStatus | undefined {
  if (!isRecord(value) || value.kind !== 'Status') return undefined;
  const details = isRecord(value.details) ? value.details : {};
  const causes = Array.isArray(details.causes) ? details.causes : [];
  return {
    code: typeof value.code === 'number' ? value.code : undefined,
    reason: textOf(value.reason),
    message: textOf(value.message) ?? '',
    name: textOf(details.name),
    kind: textOf(details.kind),
    retryAfterSeconds: typeof details.retryAfterSeconds === 'number' ? details.retryAfterSeconds : undefined,
    causes: causes.flatMap((cause: unknown) => (isRecord(cause) ? (textOf(cause.reason) ?? []) : [])),
  };
}

/** JSON, or undefined where the text is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
