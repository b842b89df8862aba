import type { Clock } from '@runner/core';
import type { TestClock } from '@runner/core/testing';
import { testClock, testRandom } from '@runner/core/testing';
import type { FakePlace } from '@runner/executor/testing';
import { fakePlace } from '@runner/executor/testing';
import type { Bus, MemoryBus, RunRecord, RunStart } from '@runner/protocol/server';
import { createMemoryBus } from '@runner/protocol/server';
import type { Instance, Sight } from './instance.ts';
import { AGENT_ID, SLOTS, kill, startInstance } from './instance.ts';
import { Network } from './network.ts';
import { Notes } from './notes.ts';
import type { Replica } from './replica.ts';
import { startReplica } from './replica.ts';
import type { ModelStore, StoreCopy } from './store.ts';
import { copyOf, emptyStore, restored } from './store.ts';

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
  readonly network: Network;
  readonly sights: Readonly<Record<PlaceName, Sight>>;
  signalsLost = false;
  /** An instance worked elsewhere. */
  elsewhere = false;
  /** The place could not be asked, or kept its changes to itself, for a while. */
  blind = false;
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
    this.sights = { home: newSight(), elsewhere: newSight() };
    this.store = emptyStore(this.clock, this.#random.uuid());
    this.network = new Network({
      clock: this.clock,
      random: this.#random,
      notes: this.notes,
      row: (runId) => this.store.runs.all().find((row) => row.runId === runId),
    });
    for (const place of Object.values(this.places)) this.#guard(place);
  }

  // --- processes -------------------------------------------------------------------------------------------------------

  startReplica(index: number): void {
    this.replicas[index] ??= startReplica({
      name: `replica-${index}-${(this.#started += 1)}`,
      store: this.store,
      bus: this.#signals(),
      clock: this.clock,
      random: testRandom(this.#seed()),
      observer: {
        runChanged: (before, after) => this.#changed(before, after),
        ignored: () => void (this.notes.ignored += 1),
      },
    });
  }

  killReplica(index: number): void {
    this.replicas[index]?.life.die();
    this.replicas[index] = undefined;
    for (const instance of this.instances) {
      this.network.cutServedBy(index, instance?.lines.map(({ wire }) => wire) ?? []);
    }
  }

  startInstance(index: number, where: PlaceName): void {
    if (where === 'elsewhere') this.elsewhere = true;
    this.instances[index] ??= startInstance({
      place: this.places[where],
      sight: this.sights[where],
      broken: this.notes.broken,
      clock: this.clock,
      random: testRandom(this.#seed()),
      dial: (life, lines) => this.network.dial(life, lines, () => this.replicas),
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
    this.network.forget();
    this.notes.storeReplaced(copy?.rows);
    running.forEach((was, index) => was && this.startReplica(index));
  }

  async change(runId: string, change: (row: RunRecord) => RunRecord | undefined): Promise<void> {
    const { before, after } = await this.store.runs.update(runId, (row) =>
      row === undefined ? undefined : change(row),
    );
    if (after !== undefined && before !== after) this.#changed(before, after);
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

  // --- readings ----------------------------------------------------------------------------------------------------------

  /** Lists and looks by name tell what is there now until `thaw`, and lists say so. */
  freeze(where: PlaceName): void {
    const place = this.places[where];
    place.freezeLists();
    this.sights[where].image = new Map(place.runIds().map((runId) => [runId, place.look(runId)]));
  }

  thaw(where: PlaceName): void {
    this.places[where].thawLists();
    this.sights[where].image = undefined;
  }

  executions(runId: string): number {
    return Object.values(this.places).reduce((sum, place) => sum + place.executions(runId), 0);
  }

  /** Frames pass, signals arrive. */
  calm(): void {
    this.network.calm();
    this.signalsLost = false;
    for (const instance of this.instances) for (const { wire } of instance?.lines ?? []) wire.release();
  }

  cutAll(): void {
    for (const instance of this.instances) for (const { wire } of instance?.lines ?? []) wire.cut('both');
  }

  #changed(before: RunRecord | undefined, after: RunRecord): void {
    const { runId } = after;
    const stands = Object.values(this.places).some((place) => place.runIds().includes(runId));
    this.notes.changed(before, after, { executions: this.executions(runId), stands });
  }

  /** Watches a place from outside: nothing alive vanishes by itself, and slots are kept. */
  #guard(place: FakePlace): void {
    const phases = new Map<string, string>();
    place.port.onChange((runId) => {
      const seen = place.look(runId);
      const note = this.notes.runs.get(runId);
      const before = phases.get(runId);
      if (seen.presence === 'present') phases.set(runId, seen.phase);
      else phases.delete(runId);
      if (seen.presence === 'absent' && note?.removed === false && (before !== 'ended' || !note.discardAsked)) {
        this.notes.broken.push(`removed unasked: the workload of ${runId} is gone, which was ${before ?? 'there'}`);
      }
      const owner = place.owner(runId)?.controlPlaneId;
      const live = place.runIds().filter((one) => {
        // Whatever no list shows is counted by nobody.
        if (this.sights.home.unlisted.has(one)) return false;
        const sight = place.look(one);
        return sight.presence === 'present' && sight.phase !== 'ended' && place.owner(one)?.controlPlaneId === owner;
      });
      if (live.length > SLOTS && !this.lateCreates && !this.blind)
        this.notes.broken.push(`slots: ${live.length} workloads at once`);
    });
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

const newSight = (): Sight => ({ image: undefined, unlisted: new Set() });

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
