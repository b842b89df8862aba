import { PODS } from '@runner/kube';
import { startTestApiServer, startTestCluster } from '@runner/kube/testing';
import type { TestApiServer, TestCluster } from '@runner/kube/testing';
import { serve } from '../measure/questions.ts';

/** The API server in memory, and when asked what runs pods on it. */
export interface ApiServer {
  /** Listens; the kubeconfig of its administrator. */
  listen(namespace: string): Promise<string>;
  /** From now on Jobs have pods, and their programs run. */
  runPods(): void;
  /** Resolves once that many programs have begun; each has written a line. */
  untilBegun(count: number): Promise<void>;
  /** All programs that run end with 0. */
  endAll(): void;
  /** Requests since the last time this was asked, by verb and resource. */
  calls(): Readonly<Record<string, number>>;
  openWatches(): number;
}

let server: TestApiServer | undefined;
let cluster: TestCluster | undefined;
let counted = 0;
/** Jobs whose program began, and those of them that were told to end. */
const begun = new Set<string>();
const ended = new Set<string>();
const watchers = new Set<() => void>();

const current = (): TestApiServer => {
  if (server === undefined) throw new Error('it does not listen yet');
  return server;
};

serve<ApiServer>({
  listen: async (namespace) => {
    server = await startTestApiServer({ namespaces: [namespace] });
    return server.kubeconfig(undefined, namespace);
  },
  runPods: () => {
    const pods = startTestCluster(current(), {});
    cluster = pods;
    const look = (job: string): void => {
      if (begun.has(job) || pods.starts(job) === 0) return;
      begun.add(job);
      pods.print(job, 'the program runs\n');
      for (const watcher of watchers) watcher();
    };
    current().onChange((type, _event, { metadata }) => {
      const job = metadata?.labels?.['job-name'];
      // The change is told in the middle of what the kubelet does.
      if (type.kind === PODS.kind && job !== undefined) setImmediate(() => look(job));
    });
  },
  untilBegun: (count) =>
    new Promise((resolve) => {
      const look = (): void => {
        if (begun.size < count) return;
        watchers.delete(look);
        resolve();
      };
      watchers.add(look);
      look();
    }),
  endAll: () => {
    for (const job of begun) {
      if (!ended.has(job)) cluster?.exit(job, 0);
      ended.add(job);
    }
  },
  calls: () => {
    const counts: Record<string, number> = {};
    const { calls } = current();
    for (const { verb, resource } of calls.slice(counted)) {
      const name = `${verb} ${resource}`;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    counted = calls.length;
    return counts;
  },
  openWatches: () => current().openWatches(),
});
