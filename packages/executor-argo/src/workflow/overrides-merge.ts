import { RESERVED_VARIABLES, executorError } from '@runner/executor';
import type { Container, EnvVar } from '@runner/kube';
import { mergeLayers } from '@runner/scheduling';
import { parseOverrideFile } from '@runner/scheduling/override-file';
import { requestAboveLimit } from './resource-amounts.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Names of the two override files, as their author knows them. */
export const OVERRIDE_VARIABLES = {
  container: 'ARGO_INGESTION_CONTAINER_SPEC_FILE_PATH',
  workflow: 'ARGO_INGESTION_WORKFLOW_SPEC_FILE_PATH',
} as const;

/** What the contract of the ingestion image says about a container; no file changes it. */
export const OWNED_CONTAINER_FIELDS: readonly string[] = ['name', 'command', 'args'];

/** Fields of a Workflow's spec that are ours alone, because runs are found, ended and read by them. */
export const OWNED_WORKFLOW_FIELDS: readonly string[] = [
  ...['entrypoint', 'templates', 'onExit', 'hooks', 'shutdown', 'suspend', 'arguments', 'workflowTemplateRef'],
  ...['templateDefaults', 'retryStrategy', 'activeDeadlineSeconds', 'podGC', 'workflowMetadata'],
  ...['automountServiceAccountToken', 'executor'],
];

/**
 * A container with the fields of the file in it: maps by key, lists as a whole. The environment is a map in the shape of a
 * list, so its variables merge by name, and mounts by path; variables of the contract stay.
 */
export function mergeContainer(own: Container, file: Fields | undefined): Container {
  if (file === undefined) return own;
  const { env, ...rest } = file;
  const merged = merge(own, rest, OWNED_CONTAINER_FIELDS, OVERRIDE_VARIABLES.container) as unknown as Container;
  const mounts = united(own.volumeMounts, merged.volumeMounts, ({ mountPath }) => mountPath);
  const container = {
    ...merged,
    ...(mounts.length === 0 ? {} : { volumeMounts: mounts }),
    env: mergeEnvironment(own.env ?? [], Array.isArray(env) ? (env as EnvVar[]) : []),
  };
  checkResources(container);
  return container;
}

function mergeEnvironment(own: readonly EnvVar[], file: readonly EnvVar[]): readonly EnvVar[] {
  const added = file.filter(({ name }) => !RESERVED_VARIABLES.has(name));
  const names = new Set(added.map(({ name }) => name));
  return [...own.filter(({ name }) => !names.has(name)), ...added];
}

/** The spec of a Workflow with the fields of the file in it. Our volumes stay beside those of the file. */
export function mergeWorkflow(own: Fields, file: Fields | undefined): Fields {
  if (file === undefined) return own;
  const merged = merge(own, file, OWNED_WORKFLOW_FIELDS, OVERRIDE_VARIABLES.workflow);
  const volumes = united(named(own['volumes']), named(merged['volumes']), ({ name }) => name);
  return volumes.length === 0 ? merged : { ...merged, volumes };
}

const named = (list: unknown): readonly { readonly name: string }[] =>
  Array.isArray(list) ? (list as { readonly name: string }[]) : [];

/** Entries of both lists; of two with one key the stronger. */
function united<T>(weaker: readonly T[] = [], stronger: readonly T[] = [], keyOf: (entry: T) => string): readonly T[] {
  const keys = new Set(stronger.map(keyOf));
  return [...weaker.filter((entry) => !keys.has(keyOf(entry))), ...stronger];
}

/**
 * Our patch of pods without what the file's own patch says: Argo applies that of the Workflow, which is the file's, before
 * those of templates, which are ours. Lists merge by name whatever the order.
 */
export function weakerPatch(own: Fields, file: Fields | undefined): Fields {
  const text = file?.['podSpecPatch'];
  if (typeof text !== 'string') return own;
  const { value: theirs } = parseOverrideFile(OVERRIDE_VARIABLES.workflow, text, []);
  return Object.fromEntries(
    Object.entries(own).filter(([field, value]) => typeof value === 'object' || theirs[field] === undefined),
  );
}

/** The file is stronger than what is there, and has no say in owned fields. */
function merge(own: object, file: Fields, owned: readonly string[], source: string): Fields {
  const value = Object.fromEntries(Object.entries(file).filter(([field]) => !owned.includes(field)));
  return mergeLayers([
    { source: 'runner', value: own as Fields },
    { source, value },
  ]).value;
}

/** Argo would tell it only as the end of the run. */
function checkResources({ resources }: Container): void {
  const kind = requestAboveLimit(resources);
  if (kind === undefined) return;
  throw executorError('invalid_spec', `The run would request more ${kind} than its limit.`, {
    hint: `Mend the resources in ${OVERRIDE_VARIABLES.container}, or those of the pipeline type.`,
  });
}
