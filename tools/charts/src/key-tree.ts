import type { Value } from './values.ts';

/**
 * What stands in the place of a key that says nothing: of one that was left empty (`extraEnvs:` and no more), which Helm takes
 * out of the values; and of one whose whole section was.
 */
export type Leaf = readonly [left: unknown, standard: unknown];

/** Known keys: what stands for a missing value, or a tree for a key that holds others. */
export interface KeyTree {
  [key: string]: Leaf | KeyTree;
}

/** The keys of a values file, for the templates that name unknown ones and fill what is empty. */
export function keyTree(values: readonly Value[]): KeyTree {
  const root: KeyTree = {};
  for (const value of values) {
    const parents = value.path.split('.');
    const key = parents.pop() ?? '';
    const parent = parents.reduce<KeyTree>((tree, name) => {
      const found = tree[name];
      if (isLeaf(found)) throw new Error(`${value.path} stands below a key that holds a value`);
      const next = found ?? {};
      tree[name] = next;
      return next;
    }, root);
    const left = emptyOf(value);
    parent[key] = [left, value.default ?? left];
    if (value.alias !== undefined) parent[value.alias] = [left, left];
  }
  return root;
}

/** Whether a key holds a value. */
export const isLeaf = (found: Leaf | KeyTree | undefined): found is Leaf => Array.isArray(found);

/** Nothing, in the form that the key takes; its default where nothing is no answer. */
function emptyOf({ type, open, needed, default: standard }: Value): unknown {
  const [kind = ''] = type;
  if (needed) return standard;
  if (open || kind === 'map') return {};
  if (type.length > 1) return type.includes('') || type.includes('string') ? '' : standard;
  if (kind === 'list') return [];
  return MAY_BE_EMPTY.has(kind) ? '' : standard;
}

const MAY_BE_EMPTY: ReadonlySet<string> = new Set(['string', 'text', 'seconds', 'flag', 'names', 'quantity']);
