import type { Diagnosis } from '@runner/executor';
import { sentence } from './cluster-text.ts';

interface PullFailure {
  readonly pattern: RegExp;
  readonly code: string;
  readonly category: Diagnosis['category'];
  /** `$image` stands for the image. */
  readonly message: string;
  readonly hint: string;
  readonly permanent: boolean;
}

const ACCESS_HINT =
  'Check the name of the image, that INGESTION_IMAGE_PULL_SECRETS names a Secret with valid credentials in the namespace of the runs, and that they have not expired.';

/**
 * What container runtimes say when they cannot have an image (containerd, CRI-O, Docker); the first that matches counts.
 * What passes by itself comes first: a run must not be ended for an outage, whatever else the text says.
 */
const FAILURES: readonly PullFailure[] = [
  {
    pattern: /toomanyrequests|too many requests|rate limit/i,
    code: 'image_rate_limited',
    category: 'image',
    message: 'The registry refuses to serve $image just now: too many pulls',
    hint: 'It is tried again by itself. To avoid it, pull with an account of the registry or from a mirror.',
    permanent: false,
  },
  {
    pattern: /no space left on device/i,
    code: 'node_disk_full',
    category: 'disk',
    message: 'The node has no disk space for $image',
    hint: 'Free disk space on the node, or give it a larger disk.',
    permanent: false,
  },
  {
    pattern:
      /no such host|dial tcp|i\/o timeout|connection re(?:fused|set)|network is unreachable|no route to host|handshake timeout|deadline exceeded|proxyconnect|\bEOF\b|server misbehaving/i,
    code: 'registry_unreachable',
    category: 'image',
    message: 'The node cannot reach the registry of $image',
    hint: 'Check the name of the registry, and DNS, proxy and firewall as seen from the nodes.',
    permanent: false,
  },
  {
    pattern: /\b5\d\d \(?(?:internal|bad gateway|service|gateway)|\bstatus(?: ?code)?\b\D{0,40}\b5\d\d\b/i,
    code: 'registry_failed',
    category: 'image',
    message: 'The registry of $image fails',
    hint: 'It is tried again by itself; look at the registry if it lasts.',
    permanent: false,
  },
  {
    pattern:
      /\bunauthori[sz]ed\b|\b403 \(?forbidden|\bstatus(?: ?code)?\b\D{0,40}\b40[13]\b|(?<!permission )\bdenied\b|no basic auth credentials|insufficient_scope|authorization (?:failed|token has expired)|authentication required/i,
    code: 'image_unauthorized',
    category: 'image',
    message: 'The registry does not give $image to this cluster',
    hint: ACCESS_HINT,
    permanent: true,
  },
  {
    pattern: /no match for platform|no matching manifest|does not match the specified platform/i,
    code: 'image_wrong_platform',
    category: 'image',
    message: '$image does not exist for the processor of the node',
    hint: 'Use an image for that architecture, or place the runs on other nodes with nodeSelector kubernetes.io/arch.',
    permanent: true,
  },
  {
    pattern: /x509|certificate|server gave HTTP response to HTTPS client|tls:/i,
    code: 'registry_untrusted',
    category: 'image',
    message: 'The node does not trust the registry of $image',
    hint: "Give the nodes' container runtime the CA of the registry.",
    permanent: true,
  },
  {
    pattern: /\bsignatures?\b/i,
    code: 'image_signature_refused',
    category: 'image',
    message: 'A policy of the node refuses the signature of $image',
    hint: 'Use a signed image, or change the policy of the nodes.',
    permanent: true,
  },
  {
    pattern:
      /(?<!executable file )\bnot found\b|notfound|manifest unknown|name unknown|manifest_unknown|name_unknown|does not exist/i,
    code: 'image_not_found',
    category: 'image',
    message: '$image does not exist in its registry',
    hint: 'Check INGESTION_IMAGE. If the tag follows the OpenMetadata version and you host your own images, set DYNAMIC_INGESTION_VERSION_ENABLED to false.',
    permanent: true,
  },
];

/** Registries of clouds, whose credentials do not last; the chart renews them with a CronJob. */
const SHORT_LIVED: readonly { readonly host: RegExp; readonly says: string }[] = [
  { host: /\.dkr\.ecr\.[\w-]+\.amazonaws\.com/, says: 'Credentials for Amazon ECR last 12 hours' },
  { host: /\.azurecr\.(?:io|cn|us)\//, says: 'Tokens for an Azure Container Registry last 3 hours' },
  { host: /-docker\.pkg\.dev\/|(?:^|\.)gcr\.io\//, says: 'Tokens for Google Artifact Registry last an hour at most' },
];
export const RENEW_PULL_SECRET = 'kubectl create job --from=cronjob/ecr-registry-helper manual';

function shortLivedHint(image: string): string | undefined {
  const registry = SHORT_LIVED.find(({ host }) => host.test(image));
  if (registry === undefined) return undefined;
  return `${registry.says}; if the job that renews them has not run yet: ${RENEW_PULL_SECRET}.`;
}

/** What kubelet and runtime put before the reason, again and again with the name of the image. */
const PREAMBLE =
  /^(?:(?:ErrImagePull|rpc error|failed to pull image "[^"]*"|failed to pull and unpack image "[^"]*"|failed to resolve reference "[^"]*"|code = \w+ desc = )[:\s]*)+/i;

/**
 * Names, which are not part of the reason: URLs, quoted references, hosts and addresses with what follows them, digests. A
 * host may be called `denied`, and a port or a digest may contain `401`.
 */
const NAMES =
  /https?:\/\/[^\s"]+|"[^"\s]*[/.:@][^"\s]*"|\blookup \S+|[\w-]+(?:\.[\w-]+)+(?::\d+)?(?:\/[^\s"]*)?|[\w-]+:\d+(?:\/[^\s"]*)?|\bsha256[:-][\da-f]+/gi;

/** Why an image cannot be had, from what the runtime says about it. */
export function imagePullFailure(text: string, image: string): Diagnosis {
  const reason = (image === '' ? text : text.replaceAll(image, '…')).replaceAll(NAMES, '…');
  const shown = text.replace(PREAMBLE, '');
  const known = FAILURES.find(({ pattern }) => pattern.test(reason));
  const subject = image === '' ? 'the image' : `the image ${image}`;
  if (known === undefined) {
    return {
      category: 'image',
      code: 'image_pull_failed',
      message: sentence(`The node cannot pull ${subject}`, shown),
      hint: 'See kubectl describe pod.',
      permanent: false,
    };
  }
  const renew = known.code === 'image_unauthorized' ? shortLivedHint(image) : undefined;
  const ours = known.message.replace('$image', () => subject);
  return {
    category: known.category,
    code: known.code,
    message: sentence(ours.charAt(0).toUpperCase() + ours.slice(1), shown),
    hint: renew === undefined ? known.hint : `${known.hint} ${renew}`,
    permanent: known.permanent,
  };
}
