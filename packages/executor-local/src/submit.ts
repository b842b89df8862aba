import type { Clock } from '@runner/core';
import { executorError, workloadCommand, workloadEnvironment, workloadName } from '@runner/executor';
import { serialiseConfig, checkSpec, secretsManagerEnvironment } from '@runner/executor';
import type { RunSpec } from '@runner/executor';
import { DEFAULT_ALLOWED, programEnvironment, supervisorEnvironment } from './environment.ts';
import { launchSupervisor, ownSupervisor } from './launch.ts';
import type { LocalExecutorOptions } from './options.ts';
import { DEFAULTS } from './options.ts';
import type { Place } from './place.ts';
import { folderError } from './place.ts';
import type { LaunchRecord } from './records.ts';
import { RECORD_VERSION } from './records.ts';

/** Value of the contract's `namespace` where there are no namespaces. */
const NAMESPACE = 'local';

/**
 * Everything a supervisor needs for a run.
 * @throws invalid_spec, config_too_large
 */
export function launchRecord(
  spec: RunSpec,
  options: LocalExecutorOptions & { workingDirectory: string },
): LaunchRecord {
  checkSpec(spec);
  const { secretsManager, hostEnvironment: host = {}, allowedEnvironment: allowed = DEFAULT_ALLOWED } = options;
  const provider = secretsManager?.provider;
  const config = serialiseConfig(spec, {
    ...options.config,
    ...(provider === undefined ? {} : { secretsManager: provider }),
  });
  const name = workloadName(spec);
  const contract = workloadEnvironment({
    spec,
    config,
    workloadName: name,
    namespace: NAMESPACE,
    // Programs here run in no cluster, whatever store they read.
    secrets: secretsManager === undefined ? [] : secretsManagerEnvironment({ inCluster: false, ...secretsManager }),
    extra: options.extraEnvironment ?? [],
  });
  return {
    version: RECORD_VERSION,
    run: {
      runId: spec.runId,
      owner: spec.owner,
      kind: spec.kind,
      pipelineType: spec.pipelineType,
      workloadName: name,
      deadlineSeconds: spec.deadlineSeconds,
      graceMs: options.graceMs ?? DEFAULTS.graceMs,
      maxLogBytes: options.maxLogBytes ?? DEFAULTS.maxLogBytes,
    },
    command: commandOf(spec, options),
    workingDirectory: options.workingDirectory,
    environment: programEnvironment({ host, allowed, contract, ...(provider === undefined ? {} : { provider }) }),
  };
}

/** The command of a run: the image's or the one that was set, with what is put in front of it. */
export function commandOf(
  spec: Pick<RunSpec, 'kind' | 'pipelineType'> & RunSpec,
  options: Pick<LocalExecutorOptions, 'command' | 'wrap'>,
): readonly string[] {
  const { command, wrap } = options;
  const own = typeof command === 'function' ? command(spec) : (command ?? workloadCommand(spec));
  const whole = wrap === undefined ? own : wrap(own, spec);
  if (whole.length === 0 || whole[0] === '') throw executorError('invalid_spec', 'The command of the run is empty.');
  return whole;
}

/** Makes the run's folder and a supervisor for it. True when the run became this supervisor's. */
export async function startRun(
  spec: RunSpec,
  launch: LaunchRecord,
  place: Place,
  options: LocalExecutorOptions,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  const folder = await place.createFolder(spec.runId).catch((error: unknown) => {
    throw folderError(place.root, error);
  });
  const { claimed } = await launchSupervisor(
    folder,
    launch,
    {
      supervisor: options.supervisor ?? ownSupervisor(),
      environment: supervisorEnvironment(options.hostEnvironment ?? {}),
      clock,
      timeoutMs: options.startTimeoutMs ?? DEFAULTS.startTimeoutMs,
    },
    signal,
  );
  return claimed;
}
