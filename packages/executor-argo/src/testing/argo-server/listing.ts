import type { Backend } from './backend.ts';
import { collectionPath } from './workflow-calls.ts';
import type { Json } from './words.ts';
import { ArgoFailure, asArgoWrites, isJson } from './words.ts';

/** What a list looked like, for lists that are out of date. */
export interface Snapshot {
  readonly resourceVersion: string;
  readonly items: readonly Json[];
}

/** All that match, as they stand. */
export async function currentList(backend: Backend, namespace: string, query: URLSearchParams): Promise<Snapshot> {
  const selectors = new URLSearchParams();
  for (const name of ['labelSelector', 'fieldSelector']) {
    const value = query.get(`listOptions.${name}`);
    if (value !== null) selectors.set(name, value);
  }
  try {
    const { metadata, items } = await backend.json('GET', `${collectionPath(namespace)}?${String(selectors)}`);
    const version = isJson(metadata) ? metadata['resourceVersion'] : undefined;
    return { resourceVersion: String(version), items: Array.isArray(items) ? items.filter(isJson) : [] };
  } catch (error) {
    if (!(error instanceof ArgoFailure) || error.code !== 7) throw error;
    throw new ArgoFailure(
      7,
      `Permission denied, you are not allowed to list workflows in namespace "${namespace}". Maybe you want to specify a namespace with query parameter \`.namespace=${namespace}\`?`,
    );
  }
}

/** One page, counted off as Argo does. */
export function pageOf({ resourceVersion, items }: Snapshot, query: URLSearchParams): Json {
  const from = Number(query.get('listOptions.continue') ?? 0);
  const limit = Number(query.get('listOptions.limit') ?? 0);
  const page = items.slice(from, limit === 0 ? undefined : from + limit);
  const next = from + page.length;
  return {
    metadata: { resourceVersion, ...(next < items.length ? { continue: String(next) } : {}) },
    items: page.length === 0 ? null : page.map(asArgoWrites),
  };
}

export const UNFILLED: Json = { metadata: {}, items: null };
