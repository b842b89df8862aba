import { isRunnerError } from '@runner/core';
import { kubeError } from '../errors.ts';
import type { KubeObject, ResourceType } from '../objects.ts';
import { collectionPath, withQuery } from './addresses.ts';
import type { Caller } from './caller.ts';
import type { KubeList, ListOptions } from './kube-api.ts';
import type { About } from './request.ts';
import { describeAbout, detailsOf } from './request.ts';
import { isRecord } from './status.ts';

const PAGE_SIZE = 100;
/** Longest page, in bytes. */
const PAGE_BYTES = 64 * 1024 * 1024;
/** Lists that are begun in vain because their page tokens expire; then the cluster changes faster than we can read. */
const MOST_RESTARTS = 3;

interface Page<Kept> {
  readonly items: Kept[];
  readonly resourceVersion: string;
  readonly next: string | undefined;
}

/** All pages. Asked without a resource version, which means the newest state that a quorum agrees on. */
export async function listAll<T extends KubeObject, Kept>(
  caller: Caller,
  about: About,
  type: ResourceType<T>,
  namespace: string,
  options: ListOptions<T, Kept>,
): Promise<KubeList<Kept>> {
  let restarts = 0;
  let items: Kept[] = [];
  let next: string | undefined;
  for (;;) {
    try {
      const page = await readPage(caller, about, type, namespace, options, next);
      if (next === undefined && page.next === undefined) return page;
      items = next === undefined ? page.items : appended(items, page.items);
      if (page.next === undefined) return { items, resourceVersion: page.resourceVersion };
      next = page.next;
    } catch (error) {
      if (next === undefined || restarts >= MOST_RESTARTS || !isRunnerError(error, 'kube_expired')) throw error;
      restarts += 1;
      next = undefined;
    }
  }
}

async function readPage<T extends KubeObject, Kept>(
  caller: Caller,
  about: About,
  type: ResourceType<T>,
  namespace: string,
  options: ListOptions<T, Kept>,
  next: string | undefined,
): Promise<Page<Kept>> {
  const { labelSelector, fieldSelector, pageSize = PAGE_SIZE } = options;
  const path = withQuery(collectionPath(type, namespace), {
    limit: pageSize,
    continue: next,
    labelSelector,
    fieldSelector,
  });
  const answer = await caller.json({ about, method: 'GET', path }, options.signal, { limit: PAGE_BYTES });
  if (!Array.isArray(answer.items) || !isRecord(answer.metadata)) {
    throw kubeError('kube_protocol', `${describeAbout(about)}: the answer is no list`, { details: detailsOf(about) });
  }
  const keep = options.keep ?? ((object: T): Kept => object as unknown as Kept);
  const { resourceVersion, continue: token } = answer.metadata;
  return {
    items: answer.items.map((item: T) => keep(named(item, type))),
    resourceVersion: typeof resourceVersion === 'string' ? resourceVersion : '',
    next: typeof token === 'string' && token !== '' ? token : undefined,
  };
}

/** Items of a list come without the kind, which their list has; everywhere else objects have it. */
function named<T extends KubeObject>(item: T, type: ResourceType<T>): T {
  if (item.kind !== undefined) return item;
  return { apiVersion: type.apiVersion, kind: type.kind, ...item };
}

function appended<Kept>(all: Kept[], more: readonly Kept[]): Kept[] {
  for (const one of more) all.push(one);
  return all;
}
