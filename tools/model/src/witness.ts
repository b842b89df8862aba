import type { Socket } from '@runner/protocol';
import type { RunRecord } from '@runner/protocol/server';
import { isClosed } from '@runner/protocol/server';
import type { Notes } from './notes.ts';

export interface WitnessRooms {
  readonly notes: Notes;
  /** The row of the store as it stands this moment. */
  readonly row: (runId: string) => RunRecord | undefined;
}

interface Frame {
  readonly type: string;
  readonly epoch?: number;
  readonly role?: string;
  readonly runId?: string;
  readonly runIds?: readonly string[];
  readonly run?: { readonly runId: string };
  readonly slots?: { readonly free: number; readonly startsSeen: number };
  readonly observation?: Seen;
  readonly observations?: readonly Seen[];
}

interface Seen {
  readonly runId: string;
  readonly presence: string;
}

/**
 * A socket of the control plane whose frames are read along: what the wire promises is checked here, from the frames
 * alone, whatever either side believes.
 */
export function witnessed(socket: Socket, rooms: WitnessRooms): Socket {
  const witness = new Witness(rooms);
  return {
    send: (text) => {
      witness.said(JSON.parse(text) as Frame);
      socket.send(text);
    },
    close: (code, reason) => {
      witness.over();
      socket.close(code, reason);
    },
    terminate: () => {
      witness.over();
      socket.terminate();
    },
    get bufferedBytes() {
      return socket.bufferedBytes;
    },
    listen: (listener) =>
      socket.listen({
        message: (text, bytes) => {
          const frame = JSON.parse(text ?? '{}') as Frame;
          const before = rooms.notes.ignored;
          witness.heard(frame);
          const isOld = witness.isOld(frame);
          listener.message(text, bytes);
          if (isOld && rooms.notes.ignored === before)
            rooms.notes.broken.push(`old epoch: ${frame.type} was listened to`);
        },
        closed: (code, reason) => listener.closed(code, reason),
      }),
  };
}

class Witness {
  readonly #rooms: WitnessRooms;
  readonly #standing = new Set<string>();
  #epoch = 0;
  #active = false;
  #free = 0;
  #seen = 0;
  #sent = 0;
  #reported = false;
  #inLevel = false;
  #over = false;

  constructor(rooms: WitnessRooms) {
    this.#rooms = rooms;
  }

  /** The control plane has ended the session. */
  over(): void {
    this.#over = true;
  }

  /** The control plane sends. */
  said(frame: Frame): void {
    switch (frame.type) {
      case 'welcome':
      case 'role':
        this.#epoch = frame.epoch ?? 0;
        this.#active = frame.role === 'active';
        this.#reported = false;
        this.#standing.clear();
        break;
      case 'level.begin':
        this.#inLevel = true;
        break;
      case 'level.end':
        this.#inLevel = false;
        break;
      case 'start':
        this.#start(frame.run?.runId ?? '');
        break;
      case 'cancel':
        if (this.#inLevel) this.#broken(`level first: ${frame.runId ?? ''} was cancelled in the middle of a level`);
        break;
      case 'recorded':
        for (const runId of frame.runIds ?? []) this.#recorded(runId);
    }
  }

  /** Said under an epoch that is over. */
  isOld(frame: Frame): boolean {
    return frame.epoch !== undefined && frame.epoch < this.#epoch && !this.#over;
  }

  /** The agent is heard. */
  heard(frame: Frame): void {
    if (frame.type === 'hello') this.#free = frame.slots?.free ?? 0;
    if (frame.type === 'slots' && frame.slots !== undefined) {
      this.#free = frame.slots.free;
      this.#seen = Math.max(this.#seen, frame.slots.startsSeen);
    }
    if (!this.#active || frame.epoch !== this.#epoch) return;
    if (frame.type === 'report.end') this.#reported = true;
    if (frame.type === 'accepted' && frame.runId !== undefined) this.#rooms.notes.saidAccepted.add(frame.runId);
    for (const seen of [frame.observation, ...(frame.observations ?? [])]) {
      if (seen?.presence === 'present') this.#standing.add(seen.runId);
    }
  }

  #start(runId: string): void {
    if (this.#inLevel) this.#broken(`level first: ${runId} was started in the middle of a level`);
    if (!this.#reported) this.#broken(`level first: ${runId} was started before any report`);
    const left = this.#free - (this.#sent - this.#seen);
    if (left <= 0 && !this.#standing.has(runId)) this.#broken(`credit: ${runId} was started with ${left} to spare`);
    this.#sent += 1;
  }

  #recorded(runId: string): void {
    const row = this.#rooms.row(runId);
    if (row === undefined || !isClosed(row))
      this.#broken(`recorded too early: ${runId} is ${row?.state ?? 'not in the store'}`);
  }

  #broken(sentence: string): void {
    this.#rooms.notes.broken.push(sentence);
  }
}
