import type { Value } from './values.ts';

/** Known keys: true for one that holds a value, a tree for one that holds others. */
export interface KeyTree {
  [key: string]: true | KeyTree;
}

/** The keys of a values file, for the template that names unknown ones. */
export function keyTree(values: readonly Value[]): KeyTree {
  const root: KeyTree = {};
  for (const { path, alias } of values) {
    const parents = path.split('.');
    const key = parents.pop() ?? '';
    const parent = parents.reduce<KeyTree>((tree, name) => {
      const found = tree[name];
      if (found === true) throw new Error(`${path} stands below a key that holds a value`);
      const next = found ?? {};
      tree[name] = next;
      return next;
    }, root);
    parent[key] = true;
    if (alias !== undefined) parent[alias] = true;
  }
  return root;
}
