import { createAgent } from '@runner/agent/agent';
import type { Agent } from '@runner/agent/agent';
import type { Clock, Random } from '@runner/core';
import type { Executor, Observation } from '@runner/executor';
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
  readonly lines: Line[];
}

/** A connection and what was last said over it of this agent's role. */
export interface Line {
  readonly wire: MemoryWire;
  /** Undefined: nothing yet, or the connection is over. */
  told: string | undefined;
  epoch: number;
  /** Runs whose start came over it under the present epoch. */
  readonly asked: Set<string>;
  /** Runs whose cancel came before any start. */
  readonly cancelled: Set<string>;
  /** Hand a frame to one end as if the other had sent it. */
  toServer: ((text: string) => void) | undefined;
  toAgent: ((text: string) => void) | undefined;
}

/** What is wrong with reading a place, beyond what the place itself can do. */
export interface Sight {
  /** Lists and looks by name answer from this old image, as a cache in between does. */
  image: ReadonlyMap<string, Observation> | undefined;
  /** Lists lack these, because somebody took their labels away; a look by name finds them. */
  readonly unlisted: Set<string>;
}

export function startInstance(options: {
  readonly place: FakePlace;
  readonly clock: Clock;
  readonly random: Random;
  readonly sight: Sight;
  readonly broken: string[];
  readonly dial: (life: Mortal, lines: Line[]) => Dial;
}): Instance {
  const { place, random } = options;
  const life = mortal(options.clock);
  const lines: Line[] = [];
  const seen = seenThrough(options.sight, fakeExecutor({ place }), options.clock);
  const slowed = slow(seen, ['submit', 'end', 'observe', 'list', 'discard'], life.clock, random);
  const executor = guarded(slowed, lines, options.broken);
  const agent = createAgent({
    agentId: AGENT_ID,
    version: '0.0.0',
    executor: life.bound(executor),
    secretsManager: 'none',
    dial: options.dial(life, lines),
    clock: life.clock,
    random,
    limits: { total: SLOTS },
    startDeadlineSeconds: () => START_DEADLINE_SECONDS,
  });
  agent.start();
  return { agent, life, place, lines };
}

/** As SIGKILL: what is under way is lost, nobody is told. */
export function kill(instance: Instance): void {
  instance.life.die();
  for (const { wire } of instance.lines) wire.cut('both');
}

/** Who creates must have been told to, over a connection that still stands. */
function guarded(executor: Executor, lines: readonly Line[], broken: string[]): Executor {
  const submit: Executor['submit'] = (spec, signal) => {
    const line = lines.at(-1);
    if (line?.told !== 'active')
      broken.push(`created unasked: ${spec.runId} by an instance that is ${line?.told ?? 'alone'}`);
    else if (!line.asked.has(spec.runId))
      broken.push(`created unasked: no start of this epoch asked for ${spec.runId}`);
    if (line?.cancelled.has(spec.runId) === true)
      broken.push(`cancel lost: ${spec.runId} was cancelled before its start came, and created`);
    return executor.submit(spec, signal);
  };
  return overridden(executor, { submit });
}

function seenThrough(sight: Sight, executor: Executor, clock: Clock): Executor {
  return overridden(executor, {
    observe: async (runId, signal) => {
      const now = await executor.observe(runId, signal);
      if (sight.image === undefined || now.presence === 'unknown') return now;
      return sight.image.get(runId) ?? { presence: 'absent', runId, observedAt: clock.now() };
    },
    list: async (owner, signal) => {
      const { observations, fresh } = await executor.list(owner, signal);
      return { observations: observations.filter(({ runId }) => !sight.unlisted.has(runId)), fresh };
    },
  });
}

/** The executor with some of its methods replaced; the others stay its own. */
function overridden(executor: Executor, own: Partial<Executor>): Executor {
  return new Proxy(executor, {
    get: (target, name): unknown => (name in own ? Reflect.get(own, name) : Reflect.get(target, name)),
  });
}
