import type { AccessRight, WatchEvent, WatchOptions } from '@runner/kube';
import type { ArgoApi } from '../../transport/argo-api.ts';
import type { Workflow } from '../../workflow/objects.ts';
import { WORKFLOWS } from '../../workflow/objects.ts';

/** A port under test, on a namespace of its own that the subject makes and removes. */
export interface ArgoApiSubject extends AsyncDisposable {
  /** With exactly the rights of the official chart's Role. */
  readonly argo: ArgoApi;
  readonly namespace: string;
  /** The port with exactly these rights in the namespace. The subject closes it. */
  as(rights: readonly AccessRight[]): Promise<ArgoApi>;
  /** A Workflow that runs until it is shut down, and is valid where it is submitted. */
  workflow(name: string, label?: string): Workflow;
  /** Creates a Workflow and resolves when it has succeeded. Its pod wrote exactly this. */
  succeeded(name: string, written: string): Promise<void>;
  /** Creates a Workflow and resolves when its main program runs and has written exactly this. */
  running(name: string, written: string): Promise<void>;
  /** A resource version that watches can no longer begin at. */
  expiredVersion(): Promise<string>;
}

/** Makes a new subject; the suite disposes it. */
export type MakeArgoApi = () => Promise<ArgoApiSubject>;

export interface ArgoContractContext {
  readonly make: MakeArgoApi;
  /** How long one thing may take to happen, in milliseconds. */
  readonly timeoutMs: number;
}

export const SUITE_LABEL = 'argo-api-contract';

/** A signal that ends a test which waits in vain, before the test's own timeout cuts it. */
export const within = (ms: number): AbortSignal => AbortSignal.timeout(ms);

/** The changes of a watch until one of them is the last that is wanted; the watch is left then. */
export async function changesUntil(
  argo: ArgoApi,
  namespace: string,
  options: WatchOptions,
  isLast: (event: Exclude<WatchEvent<Workflow>, { type: 'BOOKMARK' }>) => boolean,
): Promise<readonly Exclude<WatchEvent<Workflow>, { type: 'BOOKMARK' }>[]> {
  const events: Exclude<WatchEvent<Workflow>, { type: 'BOOKMARK' }>[] = [];
  for await (const event of argo.workflows.watch(WORKFLOWS, namespace, options)) {
    if (event.type === 'BOOKMARK') continue;
    events.push(event);
    if (isLast(event)) break;
  }
  return events;
}
