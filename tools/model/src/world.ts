import { RunnerError } from '@runner/core';
import type { Clock } from '@runner/core';
import type { TestClock } from '@runner/core/testing';
import { testClock, testRandom } from '@runner/core/testing';
import type { FakePlace } from '@runner/executor/testing';
import { fakePlace } from '@runner/executor/testing';
import type { Dial } from '@runner/protocol/client';
import type { MemoryWire } from '@runner/protocol/memory';
import { memoryWire } from '@runner/protocol/memory';
import type { Bus, MemoryBus, RunRecord, RunStart } from '@runner/protocol/server';
import { createMemoryBus } from '@runner/protocol/server';
import type { Instance } from './instance.ts';
import { AGENT_ID, kill, startInstance } from './instance.ts';
import type { Mortal } from './mortal.ts';
import { Notes } from './notes.ts';
import type { Replica } from './replica.ts';
import { startReplica } from './replica.ts';
import type { ModelStore, StoreCopy } from './store.ts';
import { copyOf, emptyStore, restored } from './store.ts';
import type { Tamper } from './tampering.ts';
import { tampered } from './tampering.ts';

export type PlaceName = 'home' | 'elsewhere';

/**
 * Everything at once: up to two processes of the control plane on one store, up to two of one agent, and the places in
 * which workloads stand. Only this file holds state; actions act on it, the invariant reads it.
 */
export class World {
  readonly clock: TestClock;
  readonly notes = new Notes();
  readonly places: Readonly<Record<PlaceName, FakePlace>>;
  readonly replicas: (Replica | undefined)[] = [undefined, undefined];
  readonly instances: (Instance | undefined)[] = [undefined, undefined];
  readonly #random;
  readonly #bus: MemoryBus = createMemoryBus();
  readonly #tampers = { agent: [] as Tamper[], 'control plane': [] as Tamper[] };
  signalsLost = false;
  /** Some create of this history was, or will be, applied later than it was answered. */
  lateCreates = false;
  store: ModelStore;
  copy: StoreCopy | undefined;
  #started = 0;

  constructor(seed: number) {
    this.clock = testClock();
    this.#random = testRandom(seed);
    const delays = { start: this.#delay(), end: this.#delay() };
    this.places = {
      home: placeOf('home', this.clock, delays),
      elsewhere: placeOf('elsewhere', this.clock, delays),
    };
    this.store = emptyStore(this.clock, this.#random.uuid());
  }

  // --- processes -------------------------------------------------------------------------------------------------------

  startReplica(index: number): void {
    this.replicas[index] ??= startReplica({
      name: `replica-${index}-${(this.#started += 1)}`,
      store: this.store,
      bus: this.#signals(),
      clock: this.clock,
      random: testRandom(this.#seed()),
      observer: { runChanged: (before, after) => this.notes.changed(before, after) },
    });
  }

  killReplica(index: number): void {
    this.replicas[index]?.life.die();
    this.replicas[index] = undefined;
    for (const instance of this.instances) {
      for (const wire of instance?.wires ?? []) if (this.#servedBy.get(wire) === index) wire.cut('both');
    }
  }

  startInstance(index: number, where: PlaceName): void {
    this.instances[index] ??= startInstance({
      place: this.places[where],
      clock: this.clock,
      random: testRandom(this.#seed()),
      dial: (life, wires) => this.#dial(life, wires),
    });
  }

  killInstance(index: number): void {
    const instance = this.instances[index];
    if (instance !== undefined) kill(instance);
    this.instances[index] = undefined;
  }

  /** SIGTERM: drains within its time, then leaves. */
  async stopInstance(index: number): Promise<void> {
    const instance = this.instances[index];
    if (instance === undefined) return;
    this.instances[index] = undefined;
    const late = new AbortController();
    this.clock.setTimer(25_000, () => late.abort());
    const left = instance.agent.drain(late.signal).then(() => kill(instance));
    await this.clock.advance(26_000);
    await left;
  }

  // --- the store ---------------------------------------------------------------------------------------------------------

  keepCopy(): void {
    this.copy = copyOf(this.store);
  }

  /** Puts the store back (or, without a copy, an empty one in its place); every process starts anew on it. */
  async replaceStore(copy: StoreCopy | undefined): Promise<void> {
    const running = this.replicas.map((replica) => replica !== undefined);
    this.replicas.forEach((_, index) => this.killReplica(index));
    this.store = copy === undefined ? emptyStore(this.clock, this.#random.uuid()) : await restored(this.clock, copy);
    this.notes.storeReplaced(copy?.rows);
    running.forEach((was, index) => was && this.startReplica(index));
  }

  async change(runId: string, change: (row: RunRecord) => RunRecord | undefined): Promise<void> {
    const { before, after } = await this.store.runs.update(runId, (row) =>
      row === undefined ? undefined : change(row),
    );
    if (after !== undefined && before !== after) this.notes.changed(before, after);
  }

  submit(): string {
    const start = startOf(this.#random.uuid());
    this.store.starts.set(start.runId, start);
    this.store.runs.submit(start, AGENT_ID);
    this.notes.submitted(start.runId);
    this.nudge();
    return start.runId;
  }

  nudge(): void {
    if (this.signalsLost) return;
    for (const replica of this.replicas) replica?.bridge.nudge(AGENT_ID);
  }

  // --- the network -------------------------------------------------------------------------------------------------------

  tamper(from: 'agent' | 'control plane', how: Tamper, frames: number): void {
    this.#tampers[from].push(...Array<Tamper>(frames).fill(how));
  }

  calm(): void {
    this.#tampers.agent.length = 0;
    this.#tampers['control plane'].length = 0;
    this.signalsLost = false;
    for (const instance of this.instances) for (const wire of instance?.wires ?? []) wire.release();
  }

  readonly #servedBy = new Map<MemoryWire, number>();

  #dial(life: Mortal, wires: MemoryWire[]): Dial {
    return async (signal) => {
      await this.clock.sleep(Math.floor(this.#random.next() * 200), signal);
      const alive = this.replicas.flatMap((replica, index) => (replica === undefined ? [] : [{ replica, index }]));
      const chosen = alive[Math.floor(this.#random.next() * alive.length)];
      if (chosen === undefined || !life.alive) {
        throw new RunnerError('unreachable', 'no control plane answers', { retryable: true });
      }
      const wire = memoryWire({ clock: this.clock });
      wires.push(wire);
      this.#servedBy.set(wire, chosen.index);
      const server = tampered(wire.server, () => this.#tampers['control plane'].shift() ?? 'pass');
      chosen.replica.bridge.accept(server, { subject: 'model' });
      return tampered(wire.client, () => this.#tampers.agent.shift() ?? 'pass');
    };
  }

  /** The bus, which may lose what is sent over it without anybody noticing. */
  #signals(): Bus {
    return {
      publish: (event) => (this.signalsLost ? Promise.resolve() : this.#bus.publish(event)),
      subscribe: (listener, gap) => this.#bus.subscribe(listener, gap),
    };
  }

  /** Whether programs begin and stop by themselves is chosen for each history. */
  #delay(): number {
    return [Infinity, 0, 3_000][Math.floor(this.#random.next() * 3)] ?? 0;
  }

  #seed(): number {
    return 1 + Math.floor(this.#random.next() * (2 ** 31 - 2));
  }
}

const placeOf = (name: PlaceName, clock: Clock, delays: { readonly start: number; readonly end: number }): FakePlace =>
  fakePlace({
    clock,
    scope: { id: `scope-${name}`, description: name },
    startDelayMs: delays.start,
    endDelayMs: delays.end,
  });

const startOf = (runId: string): RunStart => ({
  runId,
  kind: 'pipeline',
  pipelineType: 'metadata',
  name: 'model',
  fqn: 'service.model',
  config: {},
  deadlineSeconds: 86_400,
  priority: 0,
});
