import { describe, expect, it } from 'vitest';
import type { Bus, BusEvent } from '../../server/ports.ts';

/** A bus, and the same bus as another control-plane process sees it. */
export interface BusSubject extends AsyncDisposable {
  readonly bus: Bus;
  readonly another: Bus;
  /** Breaks the connection of `bus`, so that it may have missed something. Without it that case is left out. */
  interrupt?(): Promise<void>;
}

/** Collects what a bus says and waits for it. */
class Ear implements Disposable {
  readonly events: BusEvent[] = [];
  gaps = 0;
  readonly #stop: () => void;
  #wake: (() => void) | undefined;

  constructor(bus: Bus) {
    this.#stop = bus.subscribe(
      (event) => {
        this.events.push(event);
        this.#wake?.();
      },
      () => {
        this.gaps += 1;
        this.#wake?.();
      },
    );
  }

  async until(satisfied: () => boolean): Promise<void> {
    const late = AbortSignal.timeout(10_000);
    while (!satisfied()) {
      late.throwIfAborted();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        late.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }

  [Symbol.dispose](): void {
    this.#stop();
  }
}

const KINDS = ['runs', 'challenge', 'released'] as const;

/** What every Bus does, whatever carries it. Call it at the top of a vitest file. */
export function busContract(name: string, make: () => Promise<BusSubject>): void {
  describe(`${name} as a Bus`, () => {
    it('carries every kind of event to another process, in order', async () => {
      await using subject = await make();
      using ear = new Ear(subject.another);
      const events = KINDS.map((kind) => ({ kind, agentId: `agent "ü' \\ ${kind}` }));
      for (const event of events) await subject.bus.publish(event);
      await ear.until(() => ear.events.length >= events.length);
      expect(ear.events).toEqual(events);
    });

    it('tells every subscriber', async () => {
      await using subject = await make();
      using one = new Ear(subject.another);
      using two = new Ear(subject.another);
      await subject.bus.publish({ kind: 'runs', agentId: 'agent' });
      await one.until(() => one.events.length === 1);
      await two.until(() => two.events.length === 1);
    });

    it('tells nobody who has unsubscribed', async () => {
      await using subject = await make();
      using gone = new Ear(subject.another);
      using there = new Ear(subject.another);
      gone[Symbol.dispose]();
      await subject.bus.publish({ kind: 'released', agentId: 'agent' });
      await there.until(() => there.events.length === 1);
      expect(gone.events).toEqual([]);
    });

    it('does not let one subscriber keep the others from hearing', async () => {
      await using subject = await make();
      using first = new Ear(subject.another);
      await subject.bus.publish({ kind: 'runs', agentId: 'one' });
      await first.until(() => first.events.length === 1);
      using second = new Ear(subject.another);
      await subject.bus.publish({ kind: 'runs', agentId: 'two' });
      await second.until(() => second.events.length === 1);
      expect(second.events).toEqual([{ kind: 'runs', agentId: 'two' }]);
    });

    it('says that something may have been missed when it was interrupted, and goes on', async () => {
      await using subject = await make();
      if (subject.interrupt === undefined) return;
      using ear = new Ear(subject.bus);
      const before = ear.gaps;
      await subject.interrupt();
      await ear.until(() => ear.gaps > before);
      await subject.another.publish({ kind: 'runs', agentId: 'after' });
      await ear.until(() => ear.events.some((event) => event.agentId === 'after'));
    });
  });
}
