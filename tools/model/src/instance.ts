import { createAgent } from '@runner/agent/agent';
import type { Agent } from '@runner/agent/agent';
import type { Clock, Random } from '@runner/core';
import type { FakePlace } from '@runner/executor/testing';
import { fakeExecutor } from '@runner/executor/testing';
import type { MemoryWire } from '@runner/protocol/memory';
import type { Dial } from '@runner/protocol/client';
import type { Mortal } from './mortal.ts';
import { mortal } from './mortal.ts';
import { slow } from './slowness.ts';

export const AGENT_ID = 'model-agent';
/** Workloads at once; small, so that credit and waiting come up. */
export const SLOTS = 3;
/** Seconds; short enough that endings by the agent come up. */
export const START_DEADLINE_SECONDS = 240;

/** One process of the agent. */
export interface Instance {
  readonly agent: Agent;
  readonly life: Mortal;
  readonly place: FakePlace;
  /** Its connections, the newest last. */
  readonly wires: MemoryWire[];
}

export function startInstance(options: {
  readonly place: FakePlace;
  readonly clock: Clock;
  readonly random: Random;
  readonly dial: (life: Mortal, wires: MemoryWire[]) => Dial;
}): Instance {
  const { place, random } = options;
  const life = mortal(options.clock);
  const wires: MemoryWire[] = [];
  const executor = slow(fakeExecutor({ place }), ['submit', 'end', 'observe', 'list', 'discard'], life.clock, random);
  const agent = createAgent({
    agentId: AGENT_ID,
    version: '0.0.0',
    executor: life.bound(executor),
    secretsManager: 'none',
    dial: options.dial(life, wires),
    clock: life.clock,
    random,
    limits: { total: SLOTS },
    startDeadlineSeconds: () => START_DEADLINE_SECONDS,
  });
  agent.start();
  return { agent, life, place, wires };
}

/** As SIGKILL: what is under way is lost, nobody is told. */
export function kill(instance: Instance): void {
  instance.life.die();
  for (const wire of instance.wires) wire.cut('both');
}
