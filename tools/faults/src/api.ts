export type Json = Readonly<Record<string, unknown>>;

export interface Answer {
  readonly status: number;
  readonly body: Json;
}

/** The REST API of the control plane. */
export interface Api {
  /** Any answer, whatever its status. */
  ask(method: string, path: string, body?: unknown): Promise<Answer>;
  /** The body of an answer that is 2xx; anything else fails the test. */
  call(method: string, path: string, body?: unknown): Promise<Json>;
  /** The bare response, for streams and downloads. */
  open(path: string, signal?: AbortSignal): Promise<Response>;
}

/** @param url asked at each call, since the control plane may be started again */
export function createApi(url: () => string, token: () => Promise<string>): Api {
  const ask: Api['ask'] = async (method, path, body) => {
    const response = await fetch(`${url()}/api/v1/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${await token()}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Json) };
  };
  return {
    ask,
    call: async (method, path, body) => {
      const answer = await ask(method, path, body);
      if (answer.status < 200 || answer.status > 299) {
        throw new Error(`${method} ${path} was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      }
      return answer.body;
    },
    open: async (path, signal) =>
      fetch(`${url()}/api/v1/${path}`, {
        headers: { authorization: `Bearer ${await token()}` },
        ...(signal === undefined ? {} : { signal }),
      }),
  };
}
