import { rename, rm, writeFile } from 'node:fs/promises';
import { AGENT_LABEL } from '@runner/executor';
import type { KubeEvent, KubeObject, ListOptions, ResourceType } from '@runner/kube';
import { EVENTS, JOBS, PODS } from '@runner/kube';
import { isRunnerError, messageOf } from '@runner/core';
import { VARIABLES } from '../config/catalogue.ts';
import type { Environment } from '../config/read.ts';
import { AGENT_VARIABLES } from '../config/table.ts';
import type { Variable } from '../config/variable.ts';
import { VERSION } from '../version.ts';
import { AGENT_PODS } from './checks/agent-pods.ts';
import type { ClusterSight, DoctorContext } from './context.ts';
import type { Report } from './report.ts';
import { runnerContainer } from './runner-container.ts';

/** What a bug report needs. Goes through the redactor before it is written. */
export interface Bundle {
  readonly format: 'hybrid-runner-doctor/1';
  readonly report: Report;
  readonly configuration: Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, string | undefined>>;
  /** By what was asked for: objects, or why there are none. */
  readonly objects: Readonly<Record<string, unknown>>;
  /** Last lines by pod. */
  readonly logs: Readonly<Record<string, unknown>>;
}

interface Input {
  readonly report: Report;
  readonly environment: Environment;
  /** Undefined when the configuration is wrong. */
  readonly context: DoctorContext | undefined;
}

/** For the whole of what the cluster is asked. */
const COLLECT_MS = 30_000;
const MOST_OBJECTS = 200;
const LOG_LINES = 500;
const LOG_BYTES = 262_144;

export async function collectBundle({ report, environment, context }: Input): Promise<Bundle> {
  const outcome = await context?.cluster();
  const sight = outcome?.kind === 'usable' ? outcome.sight : undefined;
  const late = new AbortController();
  const timer = context?.clock.setTimer(COLLECT_MS, () => late.abort());
  const answer = await context?.server();
  try {
    return {
      format: 'hybrid-runner-doctor/1',
      report,
      configuration: configurationOf(environment),
      versions: {
        runner: VERSION,
        node: process.version,
        platform: `${process.platform} ${process.arch}`,
        kubernetes: sight?.version,
        openMetadata: answer?.answered === true ? answer.openMetadataVersion : undefined,
      },
      objects: sight === undefined ? {} : await objectsOf(sight, late.signal),
      logs: sight === undefined ? {} : await logsOf(sight, late.signal),
    };
  } finally {
    timer?.cancel();
  }
}

/** Every variable that is set; of those that may be secret, only that they are. */
export function configurationOf(environment: Environment): Readonly<Record<string, string>> {
  const table: Readonly<Record<string, Variable>> = VARIABLES;
  const set = AGENT_VARIABLES.flatMap(({ name }) => {
    const text = (environment[name] ?? environment[name.toLowerCase()] ?? '').trim();
    if (text === '') return [];
    const hidden = table[name]?.sensitive === true || /:\/\/[^/]*@/.test(text);
    return [[name, hidden ? `(hidden, ${text.length} characters)` : text] as const];
  });
  return Object.fromEntries(set);
}

async function objectsOf({ api, namespace, ownNamespace, settings }: ClusterSight, signal: AbortSignal) {
  const ofRuns = { labelSelector: AGENT_LABEL, signal };
  const list = <T extends KubeObject>(type: ResourceType<T>, place: string, options: ListOptions<T>) =>
    orWhyNot(async () =>
      (await api.list(type, place, options)).items.toSorted(byAge).slice(-MOST_OBJECTS).map(withoutConfig),
    );
  return {
    jobs: await list(JOBS, namespace, ofRuns),
    ...(settings.type === 'argo'
      ? { workflows: await list((await import('@runner/executor-argo')).WORKFLOWS, namespace, ofRuns) }
      : {}),
    pods: await list(PODS, namespace, ofRuns),
    runnerPods: await list(PODS, ownNamespace, { labelSelector: AGENT_PODS, signal }),
    events: await list(EVENTS, namespace, { signal }),
  };
}

/** Lists come in the order of names; what happened last says most. */
export function byAge(one: KubeObject, other: KubeObject): number {
  const [first, second] = [timeOf(one), timeOf(other)];
  return first < second ? -1 : Number(first > second);
}

/** RFC 3339, of events that of the last time; texts of one length compare as times do. */
function timeOf(object: KubeObject): string {
  const { lastTimestamp, eventTime, metadata } = object as Partial<KubeEvent>;
  return (lastTimestamp ?? eventTime ?? metadata?.creationTimestamp ?? '').slice(0, 'YYYY-MM-DDThh:mm:ss'.length);
}

async function logsOf({ api, ownNamespace }: ClusterSight, signal: AbortSignal) {
  return await orWhyNot(async () => {
    const { items } = await api.list(PODS, ownNamespace, { labelSelector: AGENT_PODS, signal });
    const logs: Record<string, unknown> = {};
    for (const pod of items.slice(0, 5)) {
      const [name = '', container = ''] = [pod.metadata?.name, runnerContainer(pod)?.name];
      logs[name] = await orWhyNot(async () => {
        const options = { container, tailLines: LOG_LINES, limitBytes: LOG_BYTES, signal };
        const pieces: Uint8Array[] = [];
        for await (const piece of (await api.podLog(ownNamespace, name, options)) ?? []) pieces.push(piece);
        return Buffer.concat(pieces).toString('utf8').split('\n');
      });
    }
    return logs;
  });
}

async function orWhyNot<T>(collect: () => Promise<T>): Promise<T | { readonly notCollected: string }> {
  try {
    return await collect();
  } catch (error) {
    return { notCollected: isRunnerError(error) ? `${error.code}: ${error.message}` : messageOf(error) };
  }
}

/** Environments hold the configs of runs, which hold their tokens: of each variable only the name stays. */
export function withoutConfig(object: unknown): unknown {
  if (Array.isArray(object)) return object.map(withoutConfig);
  if (typeof object !== 'object' || object === null) return object;
  return Object.fromEntries(
    Object.entries(object)
      .filter(([key]) => !LEFT_OUT.has(key))
      .map(([key, value]) => [key, key === 'env' ? namesOf(value) : withoutConfig(value)]),
  );
}

/** What nobody reads, and what may repeat environments: copies that Argo makes, its parameters, patches as text. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'managedFields',
  'kubectl.kubernetes.io/last-applied-configuration',
  'storedTemplates',
  'storedWorkflowTemplateSpec',
  'arguments',
  'inputs',
  'outputs',
  'podSpecPatch',
]);

function namesOf(env: unknown): unknown {
  if (!Array.isArray(env)) return '(left out)';
  return (env as readonly { readonly name?: unknown }[]).map(({ name }) => ({ name, value: '(left out)' }));
}

/** Readable by nobody else; a file of that name is replaced as a whole. */
export async function writeBundle(path: string, bundle: unknown): Promise<void> {
  const unfinished = `${path}.${process.pid}.new`;
  try {
    await writeFile(unfinished, `${JSON.stringify(bundle, undefined, 2)}\n`, { mode: 0o600 });
    await rename(unfinished, path);
  } finally {
    await rm(unfinished, { force: true });
  }
}
