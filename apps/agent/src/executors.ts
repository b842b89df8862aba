import { RunnerError } from '@runner/core';
import type { Clock, Logger, Random } from '@runner/core';
import type { Executor } from '@runner/executor';
import type { KubeObserver } from '@runner/kube';
import { DEFAULT_ENV_PREFIX } from '@runner/secrets/env';
import { runnerSecretsCommand } from '@runner/secrets/exec';
import { openCluster } from './cluster.ts';
import type { AgentConfig, ExecutorSettings, LocalSettings, SimpleK8sSettings } from './config.ts';
import type { Environment } from './config/read.ts';
import { startDeadlineOf } from './start-deadline.ts';

/** What every executor may need besides its own settings. */
export interface ExecutorSurroundings {
  readonly config: AgentConfig;
  /** The environment of this process. */
  readonly environment: Environment;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Told of each call to the API that workloads are made through. */
  readonly apiObserver: KubeObserver;
}

type Factory<Settings extends ExecutorSettings> = (
  settings: Settings,
  around: ExecutorSurroundings,
) => Promise<Executor>;

/** The executors of this build. Each is loaded only when it is chosen; adding one is adding a line. */
const FACTORIES: { readonly [Type in ExecutorSettings['type']]: Factory<Extract<ExecutorSettings, { type: Type }>> } = {
  local,
  simpleK8s,
  argo: async (settings, around) => (await import('./argo.ts')).openArgo(settings, around),
};

/** Makes the chosen executor. What it needs is looked for, but nobody is asked anything yet. */
export async function createExecutor(settings: ExecutorSettings, around: ExecutorSurroundings): Promise<Executor> {
  const factory = FACTORIES[settings.type] as Factory<typeof settings>;
  return await factory(settings, around);
}

async function local(settings: LocalSettings, around: ExecutorSurroundings): Promise<Executor> {
  const { DEFAULT_ALLOWED, createLocalExecutor } = await import('@runner/executor-local');
  const { config, environment, clock, logger } = around;
  const { manager, fileDir } = config.secrets;
  const redacting = redactingCommand();
  return createLocalExecutor({
    wrap: (command, { secretReferences = [] }) => [
      ...redacting,
      ...secretReferences.flatMap((reference) => ['--redact', reference]),
      '--',
      ...command,
    ],
    folder: settings.dir,
    clock,
    logger,
    hostEnvironment: environment,
    allowedEnvironment: [...DEFAULT_ALLOWED, ...(manager === 'env' ? [`${DEFAULT_ENV_PREFIX}*`] : [])],
    ...(settings.command === undefined ? {} : { command: settings.command }),
    extraEnvironment: config.extraEnvs,
    secretsManager: {
      provider: manager,
      inCluster: false,
      environment: { SECRETS_MANAGER: manager, ...(fileDir === undefined ? {} : { SECRETS_FILE_DIR: fileDir }) },
    },
    config: { disableVersionValidation: config.disableVersionValidation },
  });
}

/**
 * Stands in front of every local program, so that no value reaches its log. References go on as they are: the program
 * resolves them itself, as it does in a pod, and says itself what it cannot read. The supervisor's signals go to the whole
 * process group.
 */
function redactingCommand(): readonly string[] {
  const command = runnerSecretsCommand();
  if (command !== undefined) return [...command, 'exec', '--keep-references', '--supervised'];
  throw new RunnerError(
    'executor_missing',
    'this build of the agent has no runner-secrets, so it redacts no local logs',
    {
      hint: 'in a bundle, runner-secrets.js must be beside main.js',
    },
  );
}

async function simpleK8s(settings: SimpleK8sSettings, around: ExecutorSurroundings): Promise<Executor> {
  const { createK8sExecutor } = await import('@runner/executor-k8s');
  const { clock, random, logger } = around;
  const { api, namespace } = await openCluster(settings, around);
  const executor = createK8sExecutor({
    api,
    namespace,
    pods: settings.pods,
    delivery: settings.delivery,
    ttlSeconds: settings.ttlSeconds,
    startDeadlineSeconds: startDeadlineOf(around.config),
    clock,
    random,
    logger,
  });
  return {
    ...executor,
    close: async () => {
      await executor.close();
      await api.close();
    },
  };
}
