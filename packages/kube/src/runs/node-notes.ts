import type { Clock, Logger } from '@runner/core';
import { isRunnerError } from '@runner/core';
import type { KubeApi } from '../api/kube-api.ts';
import type { NodeTaints, Taint } from '../diagnose/evidence.ts';
import type { KubeObject, ResourceType } from '../objects.ts';
import { isAborted } from './aborted.ts';

interface Node extends KubeObject {
  readonly spec?: { readonly taints?: readonly Taint[] };
}

const NODES: ResourceType<Node> = { apiVersion: 'v1', kind: 'Node', plural: 'nodes', namespaced: false };
/** Taints change rarely, and many runs wait for the same ones. */
const FRESH_MS = 60_000;
/** Rights are rarely granted to an agent that runs, and an authorizer may fail for a moment. */
const REFUSED_MS = 300_000;

/** Nodes and their taints, where the agent may list nodes: recent versions of the scheduler do not name the taint. */
export interface NodeNotes {
  /** Undefined when they are not known. */
  get(): readonly NodeTaints[] | undefined;
  /** Reads them when they were not read lately. Without the right it only asks for that, every few minutes. */
  refresh(signal: AbortSignal): Promise<void>;
}

export function nodeNotes(api: Pick<KubeApi, 'mayI' | 'list'>, clock: Clock, logger: Logger): NodeNotes {
  let nodes: readonly NodeTaints[] | undefined;
  let isAllowed = false;
  let nextAt = -Infinity;
  return {
    get: () => nodes,
    refresh: async (signal) => {
      if (clock.monotonic() < nextAt) return;
      nextAt = clock.monotonic() + FRESH_MS;
      try {
        isAllowed ||= await api.mayI({ verb: 'list', group: '', resource: 'nodes' }, { signal });
        if (!isAllowed) {
          nextAt = clock.monotonic() + REFUSED_MS;
          return;
        }
        const { items } = await api.list(NODES, '', { keep: taintsOf, signal });
        nodes = items;
      } catch (error) {
        if (isRunnerError(error, 'kube_forbidden')) isAllowed = false;
        if (!isAborted(signal)) logger.debug('the nodes could not be listed', { error });
      }
    },
  };
}

function taintsOf({ metadata, spec }: Node): NodeTaints {
  const taints = spec?.taints?.map(({ key, value, effect }) => ({
    key,
    ...(value === undefined ? {} : { value }),
    ...(effect === undefined ? {} : { effect }),
  }));
  const { name = '', labels = {} } = metadata ?? {};
  return { name, labels, ...(taints === undefined ? {} : { taints }) };
}
