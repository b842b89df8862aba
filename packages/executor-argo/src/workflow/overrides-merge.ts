import { RESERVED_VARIABLES, executorError } from '@runner/executor';
import type { Container, EnvVar } from '@runner/kube';
import { compareQuantities, mergeLayers } from '@runner/scheduling';

type Fields = Readonly<Record<string, unknown>>;

/** Names of the two override files, as their author knows them. */
export const OVERRIDE_VARIABLES = {
  container: 'ARGO_INGESTION_CONTAINER_SPEC_FILE_PATH',
  workflow: 'ARGO_INGESTION_WORKFLOW_SPEC_FILE_PATH',
} as const;

/** What the contract of the ingestion image says about a container; no file changes it. */
export const OWNED_CONTAINER_FIELDS = ['name', 'command', 'args'] as const;

/**
 * A container with the fields of the file in it: maps by key, lists as a whole. The environment is a map in the shape of a
 * list, so its variables merge by name; those of the contract stay.
 */
export function mergeContainer(own: Container, file: Fields | undefined): Container {
  if (file === undefined) return own;
  const { env, ...rest } = file;
  const owned = new Set<string>(OWNED_CONTAINER_FIELDS);
  const fields = Object.fromEntries(Object.entries(rest).filter(([field]) => !owned.has(field)));
  const merged = merge(own, fields, OVERRIDE_VARIABLES.container) as unknown as Container;
  const container = { ...merged, env: mergeEnvironment(own.env ?? [], Array.isArray(env) ? (env as EnvVar[]) : []) };
  checkResources(container);
  return container;
}

function mergeEnvironment(own: readonly EnvVar[], file: readonly EnvVar[]): readonly EnvVar[] {
  const added = file.filter(({ name }) => !RESERVED_VARIABLES.has(name));
  const names = new Set(added.map(({ name }) => name));
  return [...own.filter(({ name }) => !names.has(name)), ...added];
}

/** The strength of the two is given by their order: the file is stronger. */
export function merge(own: object, file: Fields | undefined, source: string): Fields {
  return mergeLayers([
    { source: 'runner', value: own as Fields },
    { source, value: file ?? {} },
  ]).value;
}

/** The API refuses such a pod, and Argo would tell it only as the end of the run. */
function checkResources({ resources }: Container): void {
  for (const [kind, request] of Object.entries(resources?.requests ?? {})) {
    const limit = resources?.limits?.[kind];
    if (limit === undefined || compareQuantities(String(request), String(limit)) <= 0) continue;
    throw executorError('invalid_spec', `The run would request more ${kind} (${request}) than its limit (${limit}).`, {
      hint: `Mend the resources in ${OVERRIDE_VARIABLES.container}, or the limits of the pipeline type.`,
    });
  }
}
