import { randomBytes } from 'node:crypto';
import { eventually } from '@runner/faults';
import type { Cluster, Json } from './cluster.ts';
import { LONG_MS } from './control.ts';

/** A Node object without a machine. */
export interface FakeNode extends AsyncDisposable {
  readonly name: string;
}

export const POOL_LABEL = 'runner.test/pool';
/** More often than the node controller gives a node up. */
const HEARTBEAT_MS = 4_000;
const CAPACITY = { cpu: '4', memory: '8Gi', pods: '20', 'ephemeral-storage': '10Gi' };

/** Keeps pods of others away from a node that would never start them. */
const TAINT = { key: 'runner.test/fake', value: 'true', effect: 'NoSchedule' } as const;
/** For pods that shall be able to go there. */
export const FAKE_TOLERATION = { key: TAINT.key, operator: 'Exists' } as const;

/** A value of the label that no node has yet. */
export const newPool = (): string => `pool-${randomBytes(4).toString('hex')}`;

export interface FakeNodeOptions {
  /** Value of its label `runner.test/pool`. */
  readonly pool: string;
  /** Instead of the one that keeps all pods away but those with `FAKE_TOLERATION`. */
  readonly taints?: readonly Json[];
  /** `ready`: somebody reports for it, so that the scheduler believes in it. `dead`: nobody ever did. */
  readonly state: 'ready' | 'dead';
}

/** Makes a Node that takes pods according to its taints; no pod ever starts on it. Removed, with its pods, when disposed. */
export async function fakeNode(cluster: Cluster, options: FakeNodeOptions): Promise<FakeNode> {
  const { pool, taints = [TAINT], state } = options;
  const name = `runner-test-${pool}`;
  await cluster.create('Node', undefined, {
    metadata: { name, labels: { [POOL_LABEL]: pool, 'kubernetes.io/hostname': name } },
    spec: { taints },
  });
  const report = async (ready: boolean): Promise<void> => {
    const now = new Date().toISOString().replace(/\.\d+/, '');
    const condition = { type: 'Ready', status: ready ? 'True' : 'Unknown', reason: 'Test', message: 'a test reports' };
    const conditions = [{ ...condition, lastHeartbeatTime: now, lastTransitionTime: now }];
    await cluster.patch('Node', undefined, name, { status: { conditions, capacity: CAPACITY } }, 'status');
  };
  await report(state === 'ready');
  const timer =
    state === 'ready' ? setInterval(() => void report(true).catch(() => undefined), HEARTBEAT_MS) : undefined;
  await eventually(
    `the scheduler ${state === 'ready' ? 'may use' : 'avoids'} ${name}`,
    async () => {
      const node = await cluster.find('Node', undefined, name);
      const keys = ((node?.spec?.['taints'] ?? []) as readonly { readonly key: string }[]).map(({ key }) => key);
      return keys.some((key) => key.startsWith('node.kubernetes.io/')) === (state === 'dead');
    },
    LONG_MS,
  );
  return {
    name,
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await cluster.remove('Node', undefined, name);
    },
  };
}
