/** An answer of the vault other than a success, as it came. */
export class VaultRefusal extends Error {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** `error.code`, and `error.innererror.code` beneath it. */
  readonly reason: string | undefined;
  readonly inner: string | undefined;
  /** Looked at for who asked; never passed on. */
  readonly text: string;

  constructor(status: number, retryAfter: string | undefined, body: string) {
    super(`status ${status}`);
    this.name = 'VaultRefusal';
    this.status = status;
    this.retryAfter = retryAfter;
    const { error } = parse(body);
    this.reason = word(error?.code);
    this.inner = word(error?.innererror?.code);
    this.text = typeof error?.message === 'string' ? error.message : '';
  }
}

interface Response {
  readonly status: number;
  readonly headers: { get(name: string): string | undefined };
  readonly bodyAsText?: string | null;
}

/**
 * Stops refusals before the SDK reads them: it fails on an empty body with an error that no longer has the status.
 * Outside of the policy that fetches tokens, so that the first, unauthenticated probe is not taken for a refusal.
 */
export const refusalPolicy = {
  name: 'runnerRefusalPolicy',
  sendRequest: async <Request, Answer extends Response>(
    request: Request,
    next: (request: Request) => Promise<Answer>,
  ): Promise<Answer> => {
    const response = await next(request);
    if (response.status >= 200 && response.status < 300) return response;
    throw new VaultRefusal(response.status, response.headers.get('retry-after'), response.bodyAsText ?? '');
  },
};

interface ErrorBody {
  readonly error?: {
    readonly code?: unknown;
    readonly message?: unknown;
    readonly innererror?: { readonly code?: unknown } | null;
  } | null;
}

function parse(body: string): ErrorBody {
  try {
    return (JSON.parse(body) as ErrorBody | null) ?? {};
  } catch {
    return {};
  }
}

function word(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, 64) : undefined;
}
