import type {
  AgentMessage,
  ControlMessage,
  Hello,
  RunStart,
  WireObservation,
  WireOutcome,
  WireSlots,
} from '@runner/protocol';
import { decodeControlMessage, encodeAgentMessage } from '@runner/protocol';
import type { MemoryWire } from '@runner/protocol/memory';
import { memoryWire } from '@runner/protocol/memory';
import type { AgentBook, Bridge, BridgeObserver, BridgeOptions, RunBook, RunRecord } from '@runner/protocol/server';
import { createBridge, createMemoryAgentBook, createMemoryBus, createMemoryRunBook } from '@runner/protocol/server';
import { recordingLogger, testClock, testRandom } from '@runner/core/testing';

/** A place where workloads live; every agent instance of one scope looks at the same one. */
export class Place {
  readonly id: string;
  readonly workloads = new Map<string, { phase: 'pending' | 'running' | 'ending' | 'ended'; outcome?: WireOutcome }>();
  /** How often a workload was created for each run. */
  readonly created = new Map<string, number>();

  constructor(id = 'place-1') {
    this.id = id;
  }

  create(runId: string): boolean {
    if (this.workloads.has(runId)) return false;
    this.workloads.set(runId, { phase: 'running' });
    this.created.set(runId, (this.created.get(runId) ?? 0) + 1);
    return true;
  }

  /** How many have not ended. */
  get live(): number {
    return [...this.workloads.values()].filter((workload) => workload.phase !== 'ended').length;
  }

  end(runId: string, result: WireOutcome['result']): void {
    this.workloads.set(runId, { phase: 'ended', outcome: { result } });
  }

  observe(runId: string, observedAt: number): WireObservation {
    const workload = this.workloads.get(runId);
    if (workload === undefined) return { presence: 'absent', runId, observedAt };
    return {
      presence: 'present',
      runId,
      observedAt,
      workload: { kind: 'Job', name: `run-${runId}`, uid: `${this.id}-${runId}` },
      pipelineType: 'metadata',
      ...workload,
    };
  }
}

export interface PuppetOptions {
  readonly agentId?: string;
  readonly instanceId?: string;
  readonly place?: Place;
  readonly total?: number;
  readonly types?: WireSlots['types'];
  readonly capabilities?: readonly string[];
  /** Says only what the test makes it say. */
  readonly manual?: boolean;
}

/** An agent on a string: does what the protocol asks, unless it is told to be silent, deaf or forgetful. */
export class Puppet {
  readonly wire: MemoryWire;
  readonly frames: ControlMessage[] = [];
  readonly place: Place;
  readonly hello: Hello;
  readonly #world: World;
  readonly #options: PuppetOptions;
  readonly #cancelled = new Set<string>();
  #level: { runId: string; want: 'run' | 'cancel'; accepted: boolean }[] = [];
  startsSeen = 0;
  mute = false;
  /** Types of frames that this agent forgets to send. */
  readonly forgets = new Set<AgentMessage['type']>();
  /** Runs whose start it answers with this instead of creating them. */
  answer: ((run: RunStart) => AgentMessage | undefined) | undefined;
  closed: { code: number; reason: string } | undefined;

  constructor(world: World, wire: MemoryWire, options: PuppetOptions) {
    this.#world = world;
    this.#options = options;
    this.wire = wire;
    this.place = options.place ?? new Place();
    this.hello = {
      type: 'hello',
      minor: 0,
      agentId: options.agentId ?? 'agent-1',
      instanceId: options.instanceId ?? world.random.uuid(),
      scope: { id: this.place.id, description: this.place.id },
      agentVersion: '0.0.0',
      executor: 'fake',
      secretsManager: 'file',
      capabilities: [...(options.capabilities ?? [])],
      slots: this.slots,
    };
    wire.client.listen({
      message: (text, bytes) => this.#take(text, bytes),
      closed: (code, reason) => (this.closed = { code, reason }),
    });
    this.send(this.hello);
  }

  get slots(): WireSlots {
    const total = this.#options.total ?? 10;
    return {
      total,
      free: Math.max(0, total - this.place.live),
      types: this.#options.types ?? {},
      startsSeen: this.startsSeen,
    };
  }

  get epoch(): number {
    const last = this.frames.findLast((frame) => frame.type === 'welcome' || frame.type === 'role');
    return last?.epoch ?? 0;
  }

  get role(): string | undefined {
    const last = this.frames.findLast((frame) => frame.type === 'welcome' || frame.type === 'role');
    return last?.role;
  }

  of<T extends ControlMessage['type']>(type: T): Extract<ControlMessage, { type: T }>[] {
    return this.frames.filter((frame): frame is Extract<ControlMessage, { type: T }> => frame.type === type);
  }

  get started(): string[] {
    return this.of('start').map((frame) => frame.run.runId);
  }

  send(message: AgentMessage): void {
    if (!this.mute && !this.forgets.has(message.type)) this.wire.client.send(encodeAgentMessage(message).text);
  }

  sendText(text: string): void {
    this.wire.client.send(text);
  }

  observed(runId: string): void {
    this.send({
      type: 'observed',
      epoch: this.epoch,
      observation: this.place.observe(runId, Math.round(this.#world.clock.now())),
    });
  }

  /** The workload ends by itself, and the agent says so. */
  ends(runId: string, result: WireOutcome['result']): void {
    this.place.end(runId, result);
    this.observed(runId);
    this.send({ type: 'slots', slots: this.slots });
  }

  #take(text: string | undefined, bytes: number): void {
    const decoded = decodeControlMessage(text, bytes);
    if (decoded.kind !== 'ok') throw new Error(`the server sent something strange: ${JSON.stringify(decoded)}`);
    const { message } = decoded;
    this.frames.push(message);
    if (message.type === 'ping') this.send({ type: 'pong', n: message.n });
    if (this.#options.manual !== true) this.#act(message);
  }

  #act(message: ControlMessage): void {
    switch (message.type) {
      case 'level.begin':
        this.#level = [];
        return;
      case 'level.page':
        this.#level.push(...message.runs);
        return;
      case 'level.end':
        this.#report(message.levelId);
        return;
      case 'start':
        this.#start(message.run);
        return;
      case 'cancel':
        this.#cancel(message.runId);
        return;
      default:
        return;
    }
  }

  #start(run: RunStart): void {
    this.startsSeen += 1;
    const { runId } = run;
    const other = this.#cancelled.has(runId)
      ? ({ type: 'cancelled', epoch: this.epoch, runId } as const)
      : this.answer?.(run);
    if (other === undefined) {
      const created = this.place.create(runId);
      const observation = this.place.observe(runId, Math.round(this.#world.clock.now()));
      this.send({ type: 'accepted', epoch: this.epoch, runId, created, observation });
    } else this.send(other);
    this.send({ type: 'slots', slots: this.slots });
  }

  #cancel(runId: string): void {
    this.#cancelled.add(runId);
    const workload = this.place.workloads.get(runId);
    if (workload === undefined) {
      this.send({ type: 'cancelled', epoch: this.epoch, runId });
      return;
    }
    if (workload.phase !== 'ended') this.place.end(runId, 'cancelled');
    this.observed(runId);
    this.send({ type: 'slots', slots: this.slots });
  }

  #report(levelId: string): void {
    const now = Math.round(this.#world.clock.now());
    const epoch = this.epoch;
    const named = new Set(this.#level.map((run) => run.runId));
    const strays = [...this.place.workloads.keys()].filter((runId) => !named.has(runId));
    const observations = [...named, ...strays].map((runId) => this.place.observe(runId, now));
    this.send({ type: 'report.begin', epoch, levelId });
    for (let from = 0; from < observations.length; from += 500) {
      this.send({ type: 'report.page', epoch, levelId, observations: observations.slice(from, from + 500) });
    }
    this.send({ type: 'report.end', epoch, levelId, total: observations.length });
    for (const run of this.#level) if (run.want === 'cancel') this.#cancel(run.runId);
  }
}

export interface WorldOptions {
  readonly seed?: number;
  readonly runs?: (book: RunBook) => RunBook;
  readonly agents?: (book: AgentBook) => AgentBook;
  readonly bridge?: Partial<BridgeOptions>;
}

/** Control-plane processes over one store, under a clock that stands still. */
export class World implements AsyncDisposable {
  readonly clock = testClock();
  readonly random;
  readonly logger = recordingLogger();
  readonly runs = createMemoryRunBook({ clock: this.clock });
  readonly agents = createMemoryAgentBook({ clock: this.clock, runs: this.runs });
  readonly bus = createMemoryBus();
  readonly events: string[] = [];
  readonly ignored: string[] = [];
  readonly #options: WorldOptions;
  readonly #bridges: Bridge[] = [];
  readonly bridge: Bridge;
  #run = 0;

  constructor(options: WorldOptions = {}) {
    this.#options = options;
    this.random = testRandom(options.seed);
    this.bridge = this.replica('replica-1');
  }

  replica(replicaId: string): Bridge {
    const observer: BridgeObserver = {
      connected: (agent) => this.events.push(`connected ${agent.role}`),
      changed: (agent) => this.events.push(`changed ${agent.role}`),
      disconnected: (_agent, code) => this.events.push(`disconnected ${code}`),
      runChanged: (before, after) => this.events.push(`${before?.state ?? 'none'} > ${after.state}`),
      ignored: (reason) => this.ignored.push(reason),
    };
    const bridge = createBridge({
      runs: this.#options.runs?.(this.runs) ?? this.runs,
      agents: this.#options.agents?.(this.agents) ?? this.agents,
      bus: this.bus,
      clock: this.clock,
      random: this.random,
      logger: this.logger,
      controlPlaneId: '2f6d7c1e-90ab-4cde-8f01-23456789abcd',
      replicaId,
      observer,
      ...this.#options.bridge,
    });
    this.#bridges.push(bridge);
    return bridge;
  }

  /** An agent that has connected and said hello. */
  puppet(options: PuppetOptions = {}, bridge = this.bridge): Puppet {
    const wire = memoryWire({ clock: this.clock });
    bridge.accept(wire.server, { subject: 'bot' });
    return new Puppet(this, wire, options);
  }

  /** Submits a run for an agent without telling the bridge. */
  submit(over: Partial<RunStart> = {}, agentId = 'agent-1'): string {
    this.#run += 1;
    const runId = `00000000-0000-4000-8000-${String(this.#run).padStart(12, '0')}`;
    const start: RunStart = {
      runId,
      kind: 'pipeline',
      pipelineType: 'metadata',
      name: 'shop',
      fqn: 'shop.shop',
      config: {},
      deadlineSeconds: 7_200,
      priority: 0,
      ...over,
    };
    return this.runs.submit(start, agentId).runId;
  }

  /** Submits a run and tells the bridge. */
  trigger(over: Partial<RunStart> = {}, agentId = 'agent-1'): string {
    const runId = this.submit(over, agentId);
    this.bridge.nudge(agentId);
    return runId;
  }

  cancel(runId: string, agentId = 'agent-1'): void {
    this.runs.cancel(runId);
    this.bridge.nudge(agentId);
  }

  row(runId: string): RunRecord {
    const row = this.runs.all().find((one) => one.runId === runId);
    if (row === undefined) throw new Error('there is no such run');
    return row;
  }

  state(runId: string): string {
    return this.row(runId).state;
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 10; turn += 1) await this.clock.settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const hurry = new AbortController();
    const closing = this.#bridges.map((bridge) => bridge.close(hurry.signal));
    await this.settle();
    // A test may have left the store hanging.
    hurry.abort();
    await Promise.all(closing);
  }
}
