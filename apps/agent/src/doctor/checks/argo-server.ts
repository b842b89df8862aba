import { isRunnerError } from '@runner/core';
import { AGENT_LABEL } from '@runner/executor';
import type { ArgoApi } from '@runner/executor-argo';
import type { ArgoServer } from '../../config.ts';
import { defineCheck } from '../check.ts';
import type { DoctorContext } from '../context.ts';
import { wordsOf } from '../errors.ts';

/** The Argo Server, and what it says to the token: asks for the version and for Workflows that nobody has. */
export const argoServer = defineCheck({
  id: 'argo-server',
  group: 'argo',
  looksAt: 'whether the Argo Server answers, and takes the token',
  reasons: {
    argo_server_ok: { level: 'ok', when: 'It answers, and lists Workflows for the token.' },
    argo_server_unused: { level: 'skipped', when: 'The executor is not argo, or it uses no Argo Server.' },
    argo_token_refused: {
      level: 'fail',
      when: 'It does not take the token.',
      fix: 'Set ARGO_TOKEN to a token of a service account of this cluster, without the word Bearer; the server must run with the auth mode client.',
    },
    argo_token_forbidden: {
      level: 'fail',
      when: 'It takes the token, which has no right to Workflows in the namespace.',
      fix: 'Give its service account the rights on workflows.argoproj.io in the namespace of the workloads.',
    },
    argo_server_unreachable: {
      level: 'fail',
      when: 'It does not answer, or its certificate is not trusted.',
      fix: 'Check PIPELINE_SERVICE_CLIENT_ENDPOINT (http or https, port 2746) and ARGO_SERVER_CERTIFICATE_PATH.',
    },
    argo_server_other: {
      level: 'fail',
      when: 'What answers there is no Argo Server, or it has an error of its own.',
      fix: 'Check PIPELINE_SERVICE_CLIENT_ENDPOINT, and the log of the Argo Server.',
    },
  },
  run: async (context, say, signal) => {
    const { executor } = context.config;
    if (executor.type !== 'argo') return [say('argo_server_unused', 'The executor is not argo.')];
    if (executor.server === undefined)
      return [say('argo_server_unused', 'Workflows are made through the Kubernetes API.')];
    const { endpoint } = executor.server;
    const namespace = executor.namespace ?? (await namespaceOf(context));
    const api = await open(executor.server, context);
    try {
      const version = await api.version({ signal });
      const { WORKFLOWS } = await import('@runner/executor-argo');
      const labelSelector = `${AGENT_LABEL}=none-of-any-runner`;
      await api.workflows.list(WORKFLOWS, namespace, { labelSelector, signal });
      return [say('argo_server_ok', `${endpoint} is Argo ${version ?? 'of an untold version'}, and takes the token.`)];
    } catch (error) {
      if (signal.aborted && !isRunnerError(error, 'kube_unreachable')) throw error;
      const { message, fix } = wordsOf(error);
      return [say(reasonOf(error), `${message}.`, fix)];
    } finally {
      await api.close();
    }
  },
});

async function namespaceOf(context: DoctorContext): Promise<string> {
  const outcome = await context.cluster();
  return outcome.kind === 'usable' ? outcome.sight.namespace : 'default';
}

async function open(server: ArgoServer, { clock, random, logger }: DoctorContext): Promise<ArgoApi> {
  const { createArgoServerApi } = await import('@runner/executor-argo');
  const { endpoint, token, certificateAuthority: ca } = server;
  return createArgoServerApi({
    endpoint,
    ...(token.file === undefined ? { token: token.value.reveal() } : { tokenFile: token.file }),
    ...(ca === undefined ? {} : { ca }),
    ...{ clock, random, logger },
    callTimeoutMs: 10_000,
  });
}

function reasonOf(error: unknown) {
  if (isRunnerError(error, 'kube_unauthorized')) return 'argo_token_refused';
  if (isRunnerError(error, 'kube_forbidden')) return 'argo_token_forbidden';
  const isSilent = isRunnerError(error, 'kube_unreachable') || isRunnerError(error, 'kube_timeout');
  return isSilent ? 'argo_server_unreachable' : 'argo_server_other';
}
