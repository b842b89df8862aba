import type { RunnerError } from '@runner/core';
import type { About, KubeErrorCode, Refusal } from '@runner/kube';
import { describeAbout, detailsOf, kubeError } from '@runner/kube';

interface Verdict {
  readonly code: KubeErrorCode;
  readonly said: string;
  readonly hint: string;
}

const ADDRESS = 'Give the address of the Argo Server itself, such as http://argo-server.argo:2746.';

/** An answer that is not in Argo's words: a proxy, a login page, another server, TLS where there should be none. */
export function foreignError(about: About, { status, body, retryAfterSeconds }: Refusal): RunnerError {
  const { code, said, hint } = verdictOf(status, body);
  return kubeError(code, `${describeAbout(about)}: ${said}`, {
    hint,
    details: { ...detailsOf(about), status, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) },
  });
}

function verdictOf(status: number, body: string): Verdict {
  if (status >= 300 && status <= 399) {
    return {
      code: 'kube_protocol',
      said: `status ${status}, a redirect`,
      hint: `A login page stands before it. ${ADDRESS}`,
    };
  }
  if (body.startsWith('Client sent an HTTP request to an HTTPS server')) {
    return {
      code: 'kube_protocol',
      said: 'the server wants TLS',
      hint: 'The endpoint must begin with https://; for a certificate of its own set ARGO_SERVER_CERTIFICATE_PATH.',
    };
  }
  const said = `status ${status} with an answer that is not Argo's`;
  if (status === 401) return { code: 'kube_unauthorized', said, hint: `Something before it wants a login. ${ADDRESS}` };
  if (status === 429) return { code: 'kube_throttled', said, hint: 'The Argo Server limits calls (--api-rate-limit).' };
  if (status >= 500)
    return { code: 'kube_server_error', said, hint: 'Is the Argo Server up? A balancer may answer for it.' };
  return { code: 'kube_protocol', said, hint: `Something else than Argo answers there. ${ADDRESS}` };
}
