import type { About, Caller, KubeList, KubeObject, ListOptions, ResourceType } from '@runner/kube';
import { describeAbout, detailsOf, kubeError, withQuery } from '@runner/kube';
import { isRecord } from './refusal.ts';
import { named } from './watching.ts';

/** Without the configs, in templates or in the patch of pods; what is not named is given, so later versions lose nothing. */
const FIELDS = '-items.metadata.managedFields,items.spec.templates,items.spec.podSpecPatch';
const PAGE_SIZE = 200;
/** Longest page, in bytes. */
const PAGE_BYTES = 64 * 1024 * 1024;

interface Page<Kept> {
  readonly items: Kept[];
  readonly resourceVersion: string;
  readonly next: string | undefined;
}

interface Listing<T extends KubeObject, Kept> {
  readonly caller: Caller;
  readonly about: About;
  readonly path: string;
  readonly type: ResourceType<T>;
  readonly options: ListOptions<T, Kept>;
}

/**
 * All Workflows, with a version from which a watch misses nothing.
 *
 * Argo Server (since 3.5) lists from a cache and tells the version that the cache has afterwards, so what changed in
 * between would be in neither list nor watch: the version is asked for before. Its pages are counted off, so an object
 * that goes away between two pages hides another one: then everything is asked for at once.
 */
export async function listAll<T extends KubeObject, Kept>(listing: Listing<T, Kept>): Promise<KubeList<Kept>> {
  const before = await readPage(listing, { limit: 1, fields: 'metadata' });
  const pages = await readPages(listing, listing.options.pageSize ?? PAGE_SIZE);
  const items = pages ?? (await readPage(listing, {})).items;
  return { items, resourceVersion: before.resourceVersion };
}

/** Undefined when they do not fit together. */
async function readPages<T extends KubeObject, Kept>(
  listing: Listing<T, Kept>,
  limit: number,
): Promise<Kept[] | undefined> {
  const first = await readPage(listing, { limit });
  let page = first;
  while (page.next !== undefined) {
    page = await readPage(listing, { limit, continue: page.next });
    if (page.resourceVersion !== first.resourceVersion) return undefined;
    for (const item of page.items) first.items.push(item);
  }
  return first.items;
}

async function readPage<T extends KubeObject, Kept>(
  { caller, about, path, type, options }: Listing<T, Kept>,
  page: { readonly limit?: number; readonly continue?: string; readonly fields?: string },
): Promise<Page<Kept>> {
  const query = withQuery(path, {
    'listOptions.labelSelector': options.labelSelector,
    'listOptions.fieldSelector': options.fieldSelector,
    'listOptions.limit': page.limit,
    'listOptions.continue': page.continue,
    fields: page.fields ?? FIELDS,
  });
  const answer = await caller.json({ about, method: 'GET', path: query }, options.signal, { limit: PAGE_BYTES });
  const { metadata, items = null } = answer;
  if (!isRecord(metadata) || !(items === null || Array.isArray(items))) {
    throw kubeError('kube_protocol', `${describeAbout(about)}: the answer is no list of Argo`, {
      hint: 'Check the endpoint: something else than the Argo Server may answer there.',
      details: detailsOf(about),
    });
  }
  const { resourceVersion, continue: token } = metadata;
  if (typeof resourceVersion !== 'string' || resourceVersion === '') throw unfilled(about);
  const keep = options.keep ?? ((object: T): Kept => object as unknown as Kept);
  return {
    items: (items ?? []).map((item: T) => keep(named(item, type))),
    resourceVersion,
    next: typeof token === 'string' && token !== '' ? token : undefined,
  };
}

/** A server that has just been started lists nothing, and no version, until its cache is filled. */
function unfilled(about: About): Error {
  return kubeError('kube_server_error', `${describeAbout(about)}: the Argo Server has not read the Workflows yet`, {
    details: { ...detailsOf(about), status: 200 },
  });
}
