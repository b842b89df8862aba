import type { Clock, Random } from '@runner/core';
import { RunnerError } from '@runner/core';
import type { Dial } from '@runner/protocol/client';
import type { MemoryWire } from '@runner/protocol/memory';
import { memoryWire } from '@runner/protocol/memory';
import type { Line } from './instance.ts';
import type { Mortal } from './mortal.ts';
import type { Replica } from './replica.ts';
import type { Tamper } from './tampering.ts';
import { tampered } from './tampering.ts';
import { Spoken, overhead } from './spoken.ts';
import type { WitnessRooms } from './witness.ts';
import { witnessed } from './witness.ts';

export type Side = 'agent' | 'control plane';

/** Everything between agents and control plane: who is reached, and what happens to frames on their way. */
export class Network {
  readonly #rooms: WitnessRooms & { readonly clock: Clock; readonly random: Random };
  readonly #tampers: Readonly<Record<Side, Tamper[]>> = { agent: [], 'control plane': [] };
  readonly #servedBy = new Map<MemoryWire, number>();
  #spoken = new Spoken();
  /** A start, or what answers it, vanished inside of a connection that went on: its credit comes back with the next one. */
  creditLost = false;

  constructor(rooms: WitnessRooms & { readonly clock: Clock; readonly random: Random }) {
    this.#rooms = rooms;
  }

  tamper(from: Side, how: Tamper, frames: number): void {
    this.#tampers[from].push(...Array<Tamper>(frames).fill(how));
  }

  calm(): void {
    this.#tampers.agent.length = 0;
    this.#tampers['control plane'].length = 0;
  }

  /** A frame of an epoch that is over comes once more, on the connection that this agent has now. */
  replay(from: Side, line: Line | undefined, which: number): void {
    const frame = line === undefined ? undefined : this.#spoken.old(from, line.epoch, which);
    if (frame !== undefined) line?.[from === 'agent' ? 'toServer' : 'toAgent']?.(frame);
  }

  /** Epochs begin anew with another store: nothing that was said before is older than what is said from now on. */
  forget(): void {
    this.#spoken = new Spoken();
  }

  cutServedBy(replica: number, wires: readonly MemoryWire[]): void {
    for (const wire of wires) if (this.#servedBy.get(wire) === replica) wire.cut('both');
  }

  dial(life: Mortal, lines: Line[], replicas: () => readonly (Replica | undefined)[]): Dial {
    const { clock, random } = this.#rooms;
    return async (signal) => {
      await clock.sleep(Math.floor(random.next() * 200), signal);
      const alive = replicas().flatMap((replica, index) => (replica === undefined ? [] : [{ replica, index }]));
      const chosen = alive[Math.floor(random.next() * alive.length)];
      if (chosen === undefined || !life.alive) {
        throw new RunnerError('unreachable', 'no control plane answers', { retryable: true });
      }
      const wire = memoryWire({ clock });
      this.#servedBy.set(wire, chosen.index);
      const line: Line = {
        wire,
        told: undefined,
        epoch: 0,
        asked: new Set(),
        cancelled: new Set(),
        toServer: undefined,
        toAgent: undefined,
      };
      lines.push(line);
      const spoken = this.#spoken;
      const dropped = (type: string): void => {
        this.creditLost ||= type === 'start' || type === 'slots';
      };
      const server = tampered(wire.server, () => this.#tampers['control plane'].shift() ?? 'pass', dropped);
      const client = tampered(wire.client, () => this.#tampers.agent.shift() ?? 'pass', dropped);
      const heard = overhead(server, spoken, 'control plane', (deliver) => (line.toServer = deliver));
      chosen.replica.bridge.accept(witnessed(heard, this.#rooms), { subject: 'model' });
      const own = overhead(client, spoken, 'agent', (deliver) => (line.toAgent = deliver));
      return toldRole(own, line);
    };
  }
}

interface Told {
  readonly type?: string;
  readonly role?: string;
  readonly epoch?: number;
  readonly run?: { readonly runId: string };
  readonly runs?: readonly { readonly runId: string; readonly want: string }[];
  readonly runId?: string;
}

/** Which starts and which cancels came first. */
function note({ type, run, runs = [], runId }: Told, line: Line): void {
  if (run !== undefined) line.asked.add(run.runId);
  const cancels = runs.filter(({ want }) => want === 'cancel').map((one) => one.runId);
  if (type === 'cancel' && runId !== undefined) cancels.push(runId);
  for (const cancel of cancels) if (!line.asked.has(cancel)) line.cancelled.add(cancel);
}

/** Keeps in the line what role its agent was last told. */
function toldRole(socket: ReturnType<typeof tampered>, line: Line): typeof socket {
  const over = (): void => {
    line.told = undefined;
  };
  return {
    send: (text) => socket.send(text),
    get bufferedBytes() {
      return socket.bufferedBytes;
    },
    close: (code, reason) => {
      over();
      socket.close(code, reason);
    },
    terminate: () => {
      over();
      socket.terminate();
    },
    listen: (listener) =>
      socket.listen({
        message: (text, bytes) => {
          const frame = JSON.parse(text ?? '{}') as Told;
          const isNews = frame.type === 'welcome' || (frame.type === 'role' && (frame.epoch ?? 0) >= line.epoch);
          if (isNews) {
            line.told = frame.role;
            line.epoch = frame.epoch ?? 0;
            line.asked.clear();
            line.cancelled.clear();
          }
          if (frame.epoch === line.epoch) note(frame, line);
          listener.message(text, bytes);
        },
        closed: (code, reason) => {
          over();
          listener.closed(code, reason);
        },
      }),
  };
}
