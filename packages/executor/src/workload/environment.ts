import type { RunSpec } from '../run-spec.ts';
import { workloadKind } from './command.ts';
import type { EnvVariable } from './extra-envs.ts';
import { RESERVED_VARIABLES } from './extra-envs.ts';

export interface EnvironmentInput {
  readonly spec: RunSpec;
  /** The merged config of `serialiseConfig`. Undefined when it is delivered by reference (a Secret). */
  readonly config?: string;
  /** Name of the Job, Workflow or process. */
  readonly workloadName: string;
  /** Namespace of the workload; the local executor has none and says `local`. */
  readonly namespace: string;
  /** What `secretsManagerEnvironment` gave. */
  readonly secrets?: readonly EnvVariable[];
  /** What `parseExtraEnvs` gave; these win over the secrets manager's, never over the contract's. */
  readonly extra?: readonly EnvVariable[];
}

/** W3C trace context. A malformed one is left out: a run is worth more than its trace. */
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Environment of the main program: the contract first, then the secrets manager's, then extra variables; each name once. */
export function workloadEnvironment(input: EnvironmentInput): readonly EnvVariable[] {
  return merged([contractEnvironment(input), input.secrets ?? [], input.extra ?? []]);
}

function contractEnvironment(input: EnvironmentInput): readonly EnvVariable[] {
  const { spec, config, workloadName, namespace } = input;
  return defined([
    ['config', config],
    // Automations and applications read everything from `config`.
    ...(workloadKind(spec) === 'pipeline'
      ? ([
          ['pipelineType', spec.pipelineType],
          ['pipelineRunId', spec.runId],
          ['ingestionPipelineFQN', spec.fqn],
          ['jobName', workloadName],
          ['namespace', namespace],
        ] as const)
      : []),
    ['TRACEPARENT', traceparentOf(spec)],
  ]);
}

/**
 * Environment of the exit step. `status` is how the main program ended: `Succeeded` means success and everything else
 * failure, which may be the placeholder of a workflow engine.
 */
export function exitEnvironment(input: EnvironmentInput & { readonly status: string }): readonly EnvVariable[] {
  const { spec, config, workloadName, namespace, status } = input;
  const contract = defined([
    ['config', config],
    ['pipelineRunId', spec.runId],
    ['pipelineStatus', status],
    ['ingestionPipelineFQN', spec.fqn],
    ['jobName', workloadName],
    ['namespace', namespace],
    ['TRACEPARENT', traceparentOf(spec)],
  ]);
  return merged([contract, input.secrets ?? [], input.extra ?? []]);
}

function traceparentOf(spec: RunSpec): string | undefined {
  return spec.traceparent !== undefined && TRACEPARENT.test(spec.traceparent) ? spec.traceparent : undefined;
}

function defined(entries: readonly (readonly [string, string | undefined])[]): readonly EnvVariable[] {
  return entries.flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]));
}

function merged([contract, ...others]: readonly [
  readonly EnvVariable[],
  ...(readonly EnvVariable[])[],
]): EnvVariable[] {
  const values = new Map(contract.map(({ name, value }) => [name, value]));
  for (const { name, value } of others.flat()) {
    // A reserved name stays out even where the contract leaves it unset: the image would take it for ours.
    if (!RESERVED_VARIABLES.has(name)) values.set(name, value);
  }
  return [...values].map(([name, value]) => ({ name, value }));
}
