const DOCUMENTS = 'https://github.com/hybrid-ingestion-runner/hybrid-ingestion-runner';

/** Without these there is no agent, whatever executor it has. Each is one variable, or the same with _FILE. */
const NEEDED = ['SERVER_URL', 'AUTH_TOKEN', 'INGESTION_IMAGE'] as const;

const TEXT = `
hybrid-runner connects to a control plane and runs ingestion as workloads beside itself. It needs at least:

  SERVER_URL=wss://HOST        address of the control plane
  AUTH_TOKEN=TOKEN             token of the bot or of this runner, or AUTH_TOKEN_FILE=PATH
  INGESTION_IMAGE=IMAGE:TAG    image of the workloads, and a way to a cluster: a pod's service account, or KUBECONFIG=PATH

Most people install it with Helm, which sets all of them. "hybrid-runner --help" lists the commands.
Documents: ${DOCUMENTS}#readme
`;

/**
 * What somebody who started the image to see what it is needs to know, after the problems that the log names. Plain text
 * for people. Pure.
 * @returns undefined as soon as one of the needed variables is set: whoever set it has read about it
 */
export function newcomerText(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const isSet = (name: string): boolean => (env[name] ?? '').trim() !== '';
  return NEEDED.some((name) => isSet(name) || isSet(`${name}_FILE`)) ? undefined : TEXT;
}
