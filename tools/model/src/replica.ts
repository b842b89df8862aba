import type { Clock, Random } from '@runner/core';
import { silentLogger } from '@runner/core';
import type { Bridge, BridgeObserver, Bus } from '@runner/protocol/server';
import { createBridge } from '@runner/protocol/server';
import type { Mortal } from './mortal.ts';
import { mortal } from './mortal.ts';
import { slow } from './slowness.ts';
import type { ModelStore } from './store.ts';

/** One process of the control plane. */
export interface Replica {
  readonly bridge: Bridge;
  readonly life: Mortal;
}

export interface ReplicaOptions {
  readonly name: string;
  readonly store: ModelStore;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: BridgeObserver;
}

export function startReplica(options: ReplicaOptions): Replica {
  const { store, random } = options;
  const life = mortal(options.clock);
  const runs = slow(store.runs, ['open', 'get', 'update', 'start'], life.clock, random);
  const agents = slow(store.agents, ['claim', 'renew', 'renewMany', 'release'], life.clock, random);
  const bridge = createBridge({
    runs: life.bound(runs),
    agents: life.bound(agents),
    bus: {
      publish: (event) => (life.alive ? options.bus.publish(event) : new Promise<void>(() => undefined)),
      subscribe: (listener, gap) =>
        options.bus.subscribe(
          (event) => life.alive && listener(event),
          () => life.alive && gap(),
        ),
    },
    clock: life.clock,
    random,
    logger: silentLogger,
    controlPlaneId: store.controlPlaneId,
    replicaId: options.name,
    observer: options.observer,
  });
  return { bridge, life };
}
