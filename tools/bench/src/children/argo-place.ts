import { WORKFLOWS } from '@runner/executor-argo';
import { startTestArgoController, startTestArgoServer } from '@runner/executor-argo/testing';
import type { TestArgoServer } from '@runner/executor-argo/testing';
import { startTestApiServer, startTestCluster } from '@runner/kube/testing';
import type { TestApiServer, TestCluster } from '@runner/kube/testing';
import { serve } from '../measure/questions.ts';

/** An API server and an Argo Server in memory, and when asked a controller and pods. */
export interface ArgoPlace {
  /** Listens. */
  listen(
    namespace: string,
  ): Promise<{ readonly kubeconfig: string; readonly endpoint: string; readonly token: string }>;
  /** From now on Workflows are carried out. */
  runWorkflows(): void;
  /** Resolves once that many programs have begun. */
  untilBegun(count: number): Promise<void>;
  /** All programs that run end with 0. */
  endAll(): void;
  /** Requests at this server since the last time that was asked. */
  calls(server: 'kubernetes' | 'argo'): { readonly changes: number; readonly reads: number };
  openWatches(): { readonly kubernetes: number; readonly argo: number };
}

const CHANGES: ReadonlySet<string> = new Set(['create', 'update', 'patch', 'delete', 'stop', 'terminate']);

let api: TestApiServer | undefined;
let argo: TestArgoServer | undefined;
let cluster: TestCluster | undefined;
let counted = 0;

const current = (): { readonly api: TestApiServer; readonly argo: TestArgoServer } => {
  if (api === undefined || argo === undefined) throw new Error('it does not listen yet');
  return { api, argo };
};
const begun = (): readonly string[] => {
  const names = current()
    .api.objects(WORKFLOWS)
    .map(({ metadata }) => metadata?.name ?? '');
  return names.filter((name) => (cluster?.starts(name) ?? 0) > 0);
};

serve<ArgoPlace>({
  listen: async (namespace) => {
    api = await startTestApiServer({ namespaces: [namespace] });
    argo = await startTestArgoServer({ api });
    return { kubeconfig: api.kubeconfig(undefined, namespace), endpoint: argo.url, token: api.token() };
  },
  runWorkflows: () => {
    cluster = startTestCluster(current().api, {});
    startTestArgoController(current().api, { cluster });
  },
  untilBegun: async (count) => {
    while (begun().length < count) await new Promise((resolve) => setTimeout(resolve, 20));
  },
  endAll: () => {
    for (const name of begun()) cluster?.exit(name, 0);
  },
  calls: (server) => {
    const { api: kubernetes, argo: before } = current();
    const all = server === 'argo' ? before.calls.map(({ call }) => call) : kubernetes.calls.map(({ verb }) => verb);
    const verbs = all.slice(counted);
    counted = all.length;
    const changes = verbs.filter((verb) => CHANGES.has(verb)).length;
    return { changes, reads: verbs.filter((verb) => verb !== 'watch').length - changes };
  },
  openWatches: () => ({ kubernetes: current().api.openWatches(), argo: current().argo.openStreams('watch') }),
});
