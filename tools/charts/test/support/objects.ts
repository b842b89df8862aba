import type { Rendered } from '../../src/index.ts';
import { isMap } from '../../src/index.ts';

/** Follows keys and indices into an object; undefined where they lead nowhere. */
export function dig(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((found, key) => {
    if (Array.isArray(found)) return (found as readonly unknown[])[Number(key)];
    return isMap(found) ? found[String(key)] : undefined;
  }, value);
}

export function find(objects: readonly Rendered[], kind: string, name: string): Rendered {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind} ${name} among ${objects.map(idOf).join(', ')}`);
  return found;
}

export function has(objects: readonly Rendered[], kind: string, name: string): boolean {
  return objects.some((object) => object.kind === kind && object.metadata.name === name);
}

export const idOf = ({ kind, metadata }: Rendered): string => `${kind}/${metadata.name}`;

export function deployment(objects: readonly Rendered[]): Rendered {
  const found = objects.find(({ kind }) => kind === 'Deployment');
  if (found === undefined) throw new Error('no Deployment');
  return found;
}

export interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: unknown;
}

/** Environment of the first container of the runner, as the list that is rendered. */
export function variables(objects: readonly Rendered[]): readonly Variable[] {
  return dig(deployment(objects), 'spec', 'template', 'spec', 'containers', 0, 'env') as readonly Variable[];
}

/** The same by name, those with a value alone. */
export function environment(objects: readonly Rendered[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    variables(objects).flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])),
  );
}

/** Every pod a release may make, with the object it is of. */
export function podSpecs(objects: readonly Rendered[]): readonly { readonly id: string; readonly spec: unknown }[] {
  const paths: Readonly<Record<string, readonly string[]>> = {
    Deployment: ['spec', 'template', 'spec'],
    Job: ['spec', 'template', 'spec'],
    CronJob: ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
    Pod: ['spec'],
  };
  return objects.flatMap((object) => {
    const path = paths[object.kind];
    return path === undefined ? [] : [{ id: idOf(object), spec: dig(object, ...path) }];
  });
}

/** `group/resource/verb` of each right of a Role, restricted ones with the names. */
export function rightsOf(role: Rendered): readonly string[] {
  const rules = dig(role, 'rules') as readonly {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly verbs: readonly string[];
    readonly resourceNames?: readonly string[];
  }[];
  return rules
    .flatMap(({ apiGroups, resources, verbs, resourceNames }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) =>
          verbs.map(
            (verb) => `${group}/${resource}/${verb}${resourceNames === undefined ? '' : `:${resourceNames.join(',')}`}`,
          ),
        ),
      ),
    )
    .toSorted();
}

/** What stands in a Secret. */
export function decoded(secret: Rendered): Readonly<Record<string, string>> {
  const data = dig(secret, 'data') as Readonly<Record<string, string>>;
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
}
