import { isDeepStrictEqual } from 'node:util';
import type { Plain } from './shape.ts';
import { isPlain } from './shape.ts';

/** A part of a pod as one setting wants it. */
export interface Layer {
  /** The setting, as a person knows it: `INGESTION_CPU_LIMIT`, `SIMPLEK8S_PIPELINE_TYPE_CONFIGS metadata`. */
  readonly source: string;
  readonly value: Plain;
}

/** Which setting decided a field. For lists that several settings added to, there is one entry for each item. */
export interface Explanation {
  /** `nodeSelector.disk`, `tolerations[1]`. */
  readonly path: string;
  readonly source: string;
}

export interface Merged {
  readonly value: Plain;
  readonly explanation: readonly Explanation[];
}

/** Lists to which every layer adds; all other lists are replaced as a whole. */
const APPENDED = new Set(['tolerations']);

/**
 * Merges layers, the strongest last: maps by key, tolerations by appending without duplicates, everything else by
 * replacing. `null` and `undefined` say nothing. The layers are not changed.
 */
export function mergeLayers(layers: readonly Layer[]): Merged {
  const node = layers.reduce<Node>((into, layer) => mergeMap(into, layer.value, layer.source), emptyMap());
  return { value: plainOf(node) as Plain, explanation: explain(node, '') };
}

type Node =
  | { readonly kind: 'map'; readonly entries: ReadonlyMap<string, Node> }
  | { readonly kind: 'list'; readonly items: readonly Leaf[] }
  | Leaf;
interface Leaf {
  readonly kind: 'leaf';
  readonly value: unknown;
  readonly source: string;
}

const emptyMap = (): Node => ({ kind: 'map', entries: new Map() });

function mergeMap(into: Node, value: Plain, source: string): Node {
  const entries = new Map(into.kind === 'map' ? into.entries : []);
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined || item === null) continue;
    entries.set(key, mergeItem(key, entries.get(key), item, source));
  }
  return { kind: 'map', entries };
}

function mergeItem(key: string, old: Node | undefined, item: unknown, source: string): Node {
  if (isPlain(item)) return mergeMap(old ?? emptyMap(), item, source);
  if (!APPENDED.has(key) || !Array.isArray(item)) return { kind: 'leaf', value: item, source };
  const items: Leaf[] = [...(old?.kind === 'list' ? old.items : [])];
  for (const raw of item as readonly unknown[]) {
    // Cloned, so that objects with and without a prototype compare as what they say.
    const value: unknown = structuredClone(raw);
    if (!items.some((known) => isDeepStrictEqual(known.value, value))) items.push({ kind: 'leaf', value, source });
  }
  return { kind: 'list', items };
}

function plainOf(node: Node): unknown {
  if (node.kind === 'leaf') return structuredClone(node.value);
  if (node.kind === 'list') return node.items.map((item) => plainOf(item));
  // A null prototype would print oddly; a key named __proto__ must stay an ordinary key.
  const plain: Record<string, unknown> = {};
  for (const [key, child] of node.entries) {
    Object.defineProperty(plain, key, { value: plainOf(child), enumerable: true, writable: true, configurable: true });
  }
  return plain;
}

function explain(node: Node, path: string): readonly Explanation[] {
  if (node.kind === 'leaf') return [{ path, source: node.source }];
  if (node.kind === 'list')
    return node.items.map((item, index) => ({ path: `${path}[${index}]`, source: item.source }));
  return [...node.entries].flatMap(([key, child]) => explain(child, path === '' ? key : `${path}.${key}`));
}
