import { describe, expect, it } from 'vitest';
import type { AgentBook, InstanceClaim } from '../../server/ports.ts';

/** An AgentBook over an empty store. */
export interface AgentBookSubject extends AsyncDisposable {
  readonly book: AgentBook;
  /** The same store as another control-plane process sees it. */
  readonly another: AgentBook;
  /** Lets this much of the time pass that leases are measured in. */
  elapse(ms: number): Promise<void>;
  /**
   * A run of this agent is open and was offered; with a scope it was accepted there. Resolves to what closes it.
   */
  openRun(agentId: string, scopeId?: string): Promise<() => Promise<void>>;
  /** The admin's `release-scope`. */
  releaseScope(agentId: string): Promise<void>;
}

const LEASE_MS = 12_000;
let last = 0;

/** A claim nobody else has made; in scope `here` unless told otherwise. */
function claim(over: Partial<InstanceClaim> = {}): InstanceClaim {
  last += 1;
  return {
    agentId: 'agent-of-the-contract',
    instanceId: `instance-${last}`,
    sessionId: `session-${last}`,
    replicaId: 'replica-1',
    scopeId: 'here',
    ...over,
  };
}

type Make = () => Promise<AgentBookSubject>;

/** What every AgentBook does, whatever keeps it. Call it at the top of a vitest file. */
export function agentBookContract(name: string, make: Make): void {
  describe(`${name} as an AgentBook`, () => {
    activityCases(make);
    leaseCases(make);
    scopeCases(make);
  });
}

function activityCases(make: Make): void {
  it('makes the first instance active, and every rival a standby, in every process', async () => {
    await using subject = await make();
    expect(await subject.book.claim(claim(), LEASE_MS)).toEqual({ role: 'active', epoch: 1 });
    for (const book of [subject.book, subject.another]) {
      expect(await book.claim(claim(), LEASE_MS)).toMatchObject({ role: 'standby', epoch: 1 });
    }
  });

  it('keeps agents apart', async () => {
    await using subject = await make();
    await subject.book.claim(claim(), LEASE_MS);
    expect(await subject.book.claim(claim({ agentId: 'other' }), LEASE_MS)).toEqual({ role: 'active', epoch: 1 });
  });

  it('answers the session that is active the same again', async () => {
    await using subject = await make();
    const mine = claim();
    await subject.book.claim(mine, LEASE_MS);
    expect(await subject.another.claim(mine, LEASE_MS)).toEqual({ role: 'active', epoch: 1 });
  });

  it('lets an instance replace its own older session, which then holds nothing', async () => {
    await using subject = await make();
    const mine = claim();
    await subject.book.claim(mine, LEASE_MS);
    const again = claim({ instanceId: mine.instanceId });
    expect(await subject.another.claim(again, LEASE_MS)).toEqual({ role: 'active', epoch: 2 });
    expect(await subject.book.renew(mine, LEASE_MS)).toBe(false);
    await subject.book.release(mine);
    expect(await subject.book.claim(claim(), LEASE_MS)).toMatchObject({ role: 'standby' });
    expect(await subject.another.renew(again, LEASE_MS)).toBe(true);
  });

  it('gives the activity to the next one once it is released, under a higher epoch', async () => {
    await using subject = await make();
    const mine = claim();
    await subject.book.claim(mine, LEASE_MS);
    await subject.book.release(mine);
    await subject.book.release(mine);
    expect(await subject.another.claim(claim(), LEASE_MS)).toEqual({ role: 'active', epoch: 2 });
    expect(await subject.book.renew(mine, LEASE_MS)).toBe(false);
  });

  it('lets nobody release what somebody else holds', async () => {
    await using subject = await make();
    await subject.book.claim(claim(), LEASE_MS);
    await subject.book.release(claim());
    expect(await subject.book.claim(claim(), LEASE_MS)).toMatchObject({ role: 'standby' });
  });

  it('makes exactly one active when many claim at once', async () => {
    await using subject = await make();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? subject.book : subject.another).claim(claim(), LEASE_MS)),
    );
    expect(answers.filter((answer) => answer.role === 'active')).toEqual([{ role: 'active', epoch: 1 }]);
  });

  it('never lets the epoch go back, whoever comes and goes', async () => {
    await using subject = await make();
    let highest = 0;
    for (let n = 0; n < 12; n += 1) {
      const mine = claim();
      const book = n % 2 === 0 ? subject.book : subject.another;
      const answer = await book.claim(mine, LEASE_MS);
      expect(answer.role).toBe('active');
      expect(answer.epoch).toBeGreaterThan(highest);
      highest = answer.epoch;
      if (n % 3 === 0) await subject.elapse(LEASE_MS + 1_000);
      else await book.release(mine);
    }
  });
}

function leaseCases(make: Make): void {
  it('says when asking again may help', async () => {
    await using subject = await make();
    await subject.book.claim(claim(), LEASE_MS);
    const answer = await subject.book.claim(claim(), LEASE_MS);
    if (answer.role === 'active') throw new Error('two are active');
    if (answer.retryInMs === undefined) return;
    expect(answer.retryInMs).toBeGreaterThan(0);
    expect(answer.retryInMs).toBeLessThanOrEqual(LEASE_MS);
  });

  it('gives the activity away when the lease has run out, and not before', async () => {
    await using subject = await make();
    await subject.book.claim(claim(), LEASE_MS);
    await subject.elapse(LEASE_MS - 4_000);
    expect(await subject.another.claim(claim(), LEASE_MS)).toMatchObject({ role: 'standby' });
    await subject.elapse(5_000);
    expect(await subject.another.claim(claim(), LEASE_MS)).toEqual({ role: 'active', epoch: 2 });
  });

  it('keeps the activity as long as the lease is renewed', async () => {
    await using subject = await make();
    const mine = claim();
    await subject.book.claim(mine, LEASE_MS);
    for (let n = 0; n < 4; n += 1) {
      await subject.elapse(LEASE_MS - 4_000);
      expect(await subject.book.renew(mine, LEASE_MS)).toBe(true);
    }
    expect(await subject.another.claim(claim(), LEASE_MS)).toMatchObject({ role: 'standby', epoch: 1 });
  });

  it('renews no lease that somebody else has been given', async () => {
    await using subject = await make();
    const mine = claim();
    await subject.book.claim(mine, LEASE_MS);
    await subject.elapse(LEASE_MS + 1_000);
    const rival = claim();
    await subject.another.claim(rival, LEASE_MS);
    expect(await subject.book.renew(mine, LEASE_MS)).toBe(false);
    expect(await subject.another.renew(rival, LEASE_MS)).toBe(true);
  });

  it('renews many at once, where it can, and says which are still held', async () => {
    await using subject = await make();
    const { book } = subject;
    if (book.renewMany === undefined) return;
    const claims = Array.from({ length: 30 }, (_, n) => claim({ agentId: `many-${n}` }));
    for (const one of claims) await subject.book.claim(one, LEASE_MS);
    const [lost, ...kept] = claims;
    if (lost === undefined) throw new Error('there is no first claim');
    await subject.another.claim(claim({ agentId: lost.agentId, instanceId: lost.instanceId }), LEASE_MS);
    const held = await book.renewMany(claims, LEASE_MS);
    expect([...held].sort()).toEqual(kept.map((one) => one.sessionId).sort());
    expect(await book.renewMany([], LEASE_MS)).toEqual(new Set());
    await subject.elapse(LEASE_MS - 4_000);
    expect(await subject.book.claim(claim({ agentId: 'many-7' }), LEASE_MS)).toMatchObject({ role: 'standby' });
  });
}

function scopeCases(make: Make): void {
  const elsewhere = (): InstanceClaim => claim({ scopeId: 'there' });

  it('blocks a rival of another scope while the holder lives, runs or no runs', async () => {
    await using subject = await make();
    await subject.book.claim(claim(), LEASE_MS);
    expect(await subject.book.claim(elsewhere(), LEASE_MS)).toMatchObject({ role: 'blocked', epoch: 1 });
  });

  it('lets another scope be active when the holder is gone and nothing is open', async () => {
    await using subject = await make();
    const mine = claim();
    await subject.book.claim(mine, LEASE_MS);
    await subject.book.release(mine);
    expect(await subject.book.claim(elsewhere(), LEASE_MS)).toEqual({ role: 'active', epoch: 2 });
  });

  it.each([
    ['accepted there', 'here'],
    ['offered and never accepted', undefined],
  ])('blocks another scope while a run is open that was %s, although the holder is gone', async (_, scopeId) => {
    await using subject = await make();
    const mine = claim();
    await subject.book.claim(mine, LEASE_MS);
    const close = await subject.openRun(mine.agentId, scopeId);
    await subject.book.release(mine);
    const rival = elsewhere();
    expect(await subject.book.claim(rival, LEASE_MS)).toMatchObject({ role: 'blocked', epoch: 1 });
    expect(await subject.another.claim(claim(), LEASE_MS)).toMatchObject({ role: 'active' });
    await close();
    await subject.elapse(LEASE_MS + 1_000);
    expect(await subject.book.claim(rival, LEASE_MS)).toEqual({ role: 'active', epoch: 3 });
  });

  it('is not held up by the runs of another agent', async () => {
    await using subject = await make();
    const mine = claim();
    await subject.book.claim(mine, LEASE_MS);
    await subject.openRun('somebody-else', 'here');
    await subject.book.release(mine);
    expect(await subject.book.claim(elsewhere(), LEASE_MS)).toMatchObject({ role: 'active' });
  });

  it('lets another scope be active when an administrator released the old one', async () => {
    await using subject = await make();
    const mine = claim();
    await subject.book.claim(mine, LEASE_MS);
    await subject.openRun(mine.agentId, 'here');
    await subject.book.release(mine);
    await subject.releaseScope(mine.agentId);
    const rival = elsewhere();
    expect(await subject.book.claim(rival, LEASE_MS)).toEqual({ role: 'active', epoch: 2 });
    const again = claim({ scopeId: 'there', instanceId: rival.instanceId });
    expect(await subject.another.claim(again, LEASE_MS)).toEqual({ role: 'active', epoch: 3 });
  });
}
