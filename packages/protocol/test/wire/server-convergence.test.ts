import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Puppet } from './server-world.ts';
import { Place, World } from './server-world.ts';

const RESULTS = ['succeeded', 'failed'] as const;
const FORGETTABLE = ['accepted', 'observed', 'cancelled', 'slots', 'report.page', 'report.end'] as const;

type Move =
  | { readonly kind: 'trigger' | 'connect' | 'rival' | 'cut' | 'half-open' | 'leave' | 'gap' | 'away' | 'back' }
  | { readonly kind: 'cancel' | 'end' | 'finish unseen' | 'silent nudge'; readonly which: number }
  | { readonly kind: 'forget'; readonly what: number }
  | { readonly kind: 'wait'; readonly ms: number };

const simple = fc.constantFrom<Move>(
  { kind: 'connect' },
  { kind: 'rival' },
  { kind: 'cut' },
  { kind: 'half-open' },
  { kind: 'leave' },
  { kind: 'gap' },
  { kind: 'away' },
  { kind: 'back' },
);
const aimed = fc.record({
  kind: fc.constantFrom('cancel' as const, 'end' as const, 'finish unseen' as const, 'silent nudge' as const),
  which: fc.nat(20),
});
const forget = fc.record({ kind: fc.constant('forget' as const), what: fc.nat(5) });
const wait = fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 4_000, 20_000, 70_000) });
const moves = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constant<Move>({ kind: 'trigger' }) },
    { weight: 4, arbitrary: simple },
    { weight: 3, arbitrary: aimed },
    { weight: 1, arbitrary: forget },
    { weight: 3, arbitrary: wait },
  ),
  { minLength: 20, maxLength: 80 },
);

/** One agent with changing instances in one place, under a control plane whose store comes and goes. */
class Story implements AsyncDisposable {
  readonly place = new Place();
  readonly runIds: string[] = [];
  readonly cancelled = new Set<string>();
  away = false;
  readonly agents: Puppet[] = [];
  readonly world = new World({
    runs: (book) => ({
      ...book,
      open: (agentId) => (this.away ? Promise.reject(new Error('away')) : book.open(agentId)),
      update: (runId, change) => (this.away ? Promise.reject(new Error('away')) : book.update(runId, change)),
    }),
  });

  async play(move: Move): Promise<void> {
    const runId = 'which' in move ? this.runIds[move.which % Math.max(1, this.runIds.length)] : undefined;
    if (move.kind === 'wait') await this.world.clock.advance(move.ms);
    else if (move.kind === 'forget') this.#agent?.forgets.add(FORGETTABLE[move.what % FORGETTABLE.length]!);
    else if (runId !== undefined && 'which' in move) this.#aim(move.kind, runId, move.which);
    else this.#act(move.kind);
    await this.world.settle();
  }

  #aim(kind: 'cancel' | 'end' | 'finish unseen' | 'silent nudge', runId: string, which: number): void {
    const result = RESULTS[which % 2]!;
    const isLive = this.place.workloads.get(runId)?.phase === 'running';
    if (kind === 'cancel') {
      this.cancelled.add(runId);
      this.world.cancel(runId);
    } else if (kind === 'silent nudge') this.runIds.push(this.world.submit());
    else if (isLive && kind === 'end') this.end(runId, result);
    else if (isLive) this.place.end(runId, result);
  }

  #act(kind: Move['kind']): void {
    if (kind === 'trigger') this.runIds.push(this.world.trigger());
    else if (kind === 'connect') this.#connect(this.#agent?.hello.instanceId);
    else if (kind === 'rival') this.#connect(undefined);
    else if (kind === 'cut') this.#agent?.wire.cut('both');
    else if (kind === 'half-open') this.#agent?.wire.halfOpen('both');
    else if (kind === 'leave') this.#agent?.wire.client.close(1000, 'leaving');
    else if (kind === 'gap') this.world.bus.gap();
    else if (kind === 'away') this.away = true;
    else if (kind === 'back') this.away = false;
  }

  #connect(instanceId: string | undefined): void {
    const known = instanceId === undefined ? {} : { instanceId };
    this.agents.push(this.world.puppet({ place: this.place, total: 3, ...known }));
  }

  get #agent(): Puppet | undefined {
    return this.agents.at(-1);
  }

  /** A workload ends, and every instance sees it. */
  end(runId: string, result: 'succeeded' | 'failed'): void {
    this.place.end(runId, result);
    for (const agent of this.agents) {
      agent.observed(runId);
      agent.send({ type: 'slots', slots: agent.slots });
    }
  }

  /** Everything works again, and every workload ends when it has had time to run. */
  async calmDown(): Promise<void> {
    this.away = false;
    for (const agent of this.agents) agent.forgets.clear();
    this.#connect(undefined);
    for (let round = 0; round < 12; round += 1) {
      await this.world.clock.advance(75_000);
      for (const [runId, workload] of this.place.workloads) {
        if (workload.phase !== 'ended') this.end(runId, 'succeeded');
      }
      // An agent says its slots whenever they have changed; what ended unseen had changed them.
      for (const agent of this.agents) agent.send({ type: 'slots', slots: agent.slots });
      await this.world.settle();
    }
    await this.world.clock.advance(75_000);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.world[Symbol.asyncDispose]();
  }
}

describe('whatever is lost, cut, half open, replaced or away', () => {
  it('in the end every run has the outcome its workload had, and no run was executed twice', async () => {
    let ended = 0;
    await fc.assert(
      fc.asyncProperty(moves, async (list) => {
        await using story = new Story();
        for (const move of list) await story.play(move);
        await story.calmDown();
        for (const runId of story.runIds) {
          const outcome = story.place.workloads.get(runId)?.outcome?.result;
          const row = story.world.row(runId);
          expect(story.place.created.get(runId) ?? 0).toBeLessThanOrEqual(1);
          if (outcome === undefined) expect([row.state, story.cancelled.has(runId)]).toEqual(['cancelled', true]);
          else expect(row).toMatchObject({ state: outcome, writtenBy: 'runner' });
          ended += 1;
        }
      }),
      { numRuns: 250 },
    );
    expect(ended).toBeGreaterThan(1_000);
  });
});
