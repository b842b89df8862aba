/** How Argo Server writes what it says: errors in gRPC's codes, and answers without the fields that are not wanted. */

export type Json = Readonly<Record<string, unknown>>;

export class ArgoFailure extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }

  get httpStatus(): number {
    return HTTP_OF[this.code] ?? 500;
  }

  /** As the answer to a call. */
  body(): Json {
    return { code: this.code, message: this.message };
  }

  /** As an event of a stream. */
  event(): Json {
    const { code, httpStatus, message } = this;
    return { error: { grpc_code: code, http_code: httpStatus, message, http_status: HTTP_NAMES[httpStatus] ?? '' } };
  }
}

/** gRPC's gateway: code to HTTP status. */
const HTTP_OF: Readonly<Record<number, number>> = {
  1: 408,
  2: 500,
  3: 400,
  4: 504,
  5: 404,
  6: 409,
  7: 403,
  8: 429,
  12: 501,
  13: 500,
  14: 503,
  16: 401,
};

const HTTP_NAMES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  408: 'Request Timeout',
  409: 'Conflict',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** Argo: HTTP status of the API server to gRPC's code. Statuses without one lose their meaning. */
const CODE_OF: Readonly<Record<number, number>> = {
  400: 3,
  401: 16,
  403: 7,
  404: 5,
  408: 1,
  409: 6,
  429: 8,
  500: 13,
  501: 12,
  503: 14,
  504: 4,
};

export function failureOf(status: number, message: string): ArgoFailure {
  return new ArgoFailure(CODE_OF[status] ?? (status >= 500 ? 13 : 3), message);
}

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What `fields` leaves of a value: names of what is wanted, or after one `-` of what is not. */
export function cleaned(value: unknown, fields: string | null): unknown {
  if (fields === null || fields === '') return value;
  const exclude = fields.startsWith('-');
  const names = (exclude ? fields.slice(1) : fields).split(',');
  const clean = (item: unknown, path: readonly string[]): unknown => {
    if (Array.isArray(item)) return item.map((one) => clean(one, path));
    if (!isJson(item)) return item;
    const left: Record<string, unknown> = {};
    for (const [key, inner] of Object.entries(item)) {
      const here = [...path, key].join('.');
      const isNamed = names.includes(here);
      const isWanted = exclude ? !isNamed : isNamed || names.some((name) => name.startsWith(here));
      if (isWanted) left[key] = isNamed ? inner : clean(inner, [...path, key]);
    }
    return left;
  };
  return clean(value, []);
}

/** Argo's types write some fields even where they are empty, and leave out what kind of object it is. */
export function asArgoWrites(object: Json): Json {
  const { metadata, spec, status } = object;
  return {
    metadata: { creationTimestamp: null, ...(isJson(metadata) ? metadata : {}) },
    spec: { arguments: {}, ...(isJson(spec) ? spec : {}) },
    status: { startedAt: null, finishedAt: null, ...(isJson(status) ? status : {}) },
  };
}
