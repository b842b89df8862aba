import type { Random } from '@runner/core';
import { isRunnerError } from '@runner/core';
import type { CloseCode } from '../close-codes.ts';
import { CLOSE } from '../close-codes.ts';
import { decodeControlMessage, encodeAgentMessage } from '../codec.ts';
import { fitObservation, pages } from '../fit.ts';
import type { AgentMessage, ControlMessage, Hello, WireObservation, WireSlots } from '../messages.ts';
import { LIMITS, MINOR_VERSION, observationSchema } from '../messages.ts';
import { Heartbeat } from './heartbeat.ts';
import { LevelAssembly } from './level-assembly.ts';
import type { IgnoredReason, SessionInfo } from './ports.ts';
import type { SessionEffect } from './session-effect.ts';
import { event, ignored } from './session-effect.ts';
import type { AgentStatement } from './statement.ts';
import { fitStatement, needsActive } from './statement.ts';

export interface SessionOptions {
  readonly hello: Omit<Hello, 'type' | 'minor' | 'slots'> & { readonly slots: Omit<WireSlots, 'startsSeen'> };
  readonly random: Random;
  /** Monotonic milliseconds; every later instant is measured on the same clock. */
  readonly at: number;
}

/** How long a control plane may take to say welcome. */
export const WELCOME_TIMEOUT_MS = 10_000;
/** Levels that may wait for their report; an agent that is slower than this answers the newest ones. */
const MAX_OPEN_LEVELS = 8;

type FrameOf<T extends ControlMessage['type']> = Extract<ControlMessage, { type: T }>;
type AboutRuns = Exclude<
  ControlMessage,
  { type: 'ping' | 'pong' | 'welcome' | 'role' | `log.${string}` | 'secrets.check' }
>;
type AboutLogs = FrameOf<'log.open' | 'log.credit' | 'log.close'>;
/** A log stream as the session knows it: `rawTo` is how far it was sent. */
interface OpenStream {
  readonly runId: string;
  rawTo: number;
}

/**
 * The agent's side of one session as a state machine: frames and ticks go in, frames, a close and events come out. It
 * has no timers and does no I/O; time is passed in.
 */
export class ClientSession {
  readonly #random: Random;
  readonly #startedAt: number;
  readonly #hello: SessionOptions['hello'];
  readonly #level = new LevelAssembly();
  readonly #unanswered = new Set<string>();
  readonly #streams = new Map<string, OpenStream>();
  #phase: 'greeting' | 'open' | 'closed' = 'greeting';
  #info: SessionInfo | undefined;
  #heartbeat: Heartbeat | undefined;
  #slots: Omit<WireSlots, 'startsSeen'>;
  #startsSeen = 0;

  constructor({ hello, random, at }: SessionOptions) {
    this.#hello = hello;
    this.#slots = hello.slots;
    this.#random = random;
    this.#startedAt = at;
  }

  /** The session as last announced; undefined before the welcome. */
  get info(): SessionInfo | undefined {
    return this.#info;
  }

  get isOpen(): boolean {
    return this.#phase === 'open';
  }

  /** When `tick` has something to do next, at the latest. */
  get nextTickAt(): number {
    return this.#heartbeat?.nextAt ?? this.#startedAt + WELCOME_TIMEOUT_MS;
  }

  /** The first frame. */
  begin(): SessionEffect[] {
    const slots = { ...this.#hello.slots, startsSeen: 0 };
    return [this.#frame({ ...this.#hello, type: 'hello', minor: MINOR_VERSION, slots })];
  }

  tick(at: number): SessionEffect[] {
    if (this.#phase === 'closed') return [];
    if (this.#heartbeat === undefined) {
      const waited = at - this.#startedAt;
      return waited < WELCOME_TIMEOUT_MS ? [] : this.#end(CLOSE.silence, 'no welcome in time');
    }
    const beat = this.#heartbeat.tick(at);
    if (beat.kind === 'silent') return this.#end(CLOSE.silence, 'nothing heard from the control plane');
    return beat.kind === 'ping' ? [this.#frame({ type: 'ping', n: beat.n })] : [];
  }

  receive(text: string | undefined, bytes: number, at: number): SessionEffect[] {
    if (this.#phase === 'closed') return [];
    this.#heartbeat?.heard(at);
    const decoded = decodeControlMessage(text, bytes);
    if (decoded.kind === 'problem') return this.#end(decoded.close, decoded.reason);
    if (decoded.kind === 'ignored') {
      return [{ kind: 'received', type: 'unknown', bytes }, ...ignored('unknown_type')];
    }
    const { message } = decoded;
    return [{ kind: 'received', type: message.type, bytes }, ...this.#take(message, at)];
  }

  /** Says something; without a session that would listen it is dropped, and the next level repairs it. */
  say(statement: AgentStatement): SessionEffect[] {
    if (statement.type === 'slots') this.#slots = statement.slots;
    const info = this.#info;
    if (this.#phase !== 'open' || info === undefined) return ignored('unsent');
    if (needsActive(statement) && info.role !== 'active') return ignored('unsent');
    if (statement.type === 'slots') return this.#try(() => [this.#slotsFrame()]);
    if ('streamId' in statement && !this.#noteProgress(statement)) return ignored('unknown_stream');
    return this.#try(() => [this.#frame(fitStatement(statement, info.epoch))]);
  }

  /** Answers a level of this session with one observation for each of its runs, and the strays. */
  report(levelId: string, observations: readonly WireObservation[]): SessionEffect[] {
    if (this.#phase !== 'open' || !this.#unanswered.delete(levelId)) return ignored('unsent');
    const epoch = this.#info?.epoch ?? 0;
    const problems: SessionEffect[] = [];
    const good = observations.map(fitObservation).filter((observation) => {
      const { success } = observationSchema.safeParse(observation);
      if (!success) problems.push(...ignored('invalid', 'report.page'));
      return success;
    });
    return this.#try(() => [
      ...problems,
      this.#frame({ type: 'report.begin', epoch, levelId }),
      ...pages(good).map((page) => this.#frame({ type: 'report.page', epoch, levelId, observations: page })),
      this.#frame({ type: 'report.end', epoch, levelId, total: good.length }),
    ]);
  }

  #take(message: ControlMessage, at: number): SessionEffect[] {
    if (message.type === 'ping') return [this.#frame({ type: 'pong', n: message.n })];
    if (message.type === 'pong') return this.#pong(message.n, at);
    if (message.type === 'welcome') return this.#welcome(message, at);
    const info = this.#info;
    if (info === undefined) return this.#end(CLOSE.badFrame, `${message.type}: expected welcome first`);
    switch (message.type) {
      case 'role':
        return this.#role(message, info);
      case 'log.open':
      case 'log.credit':
      case 'log.close':
        return this.#aboutLogs(message, info);
      case 'secrets.check': {
        const { checkId, references } = message;
        if (info.role !== 'active') return ignored('not_active', message.type);
        return [event({ kind: 'checkSecrets', check: { checkId, references } })];
      }
      default:
        return this.#aboutRuns(message, info);
    }
  }

  #pong(n: number, at: number): SessionEffect[] {
    const ms = this.#heartbeat?.pong(n, at);
    return ms === undefined ? [] : [event({ kind: 'roundTrip', ms })];
  }

  #welcome(welcome: FrameOf<'welcome'>, at: number): SessionEffect[] {
    if (this.#phase !== 'greeting') return this.#end(CLOSE.badFrame, 'welcome: said twice');
    if (welcome.minor > MINOR_VERSION) {
      return this.#end(CLOSE.unsupported, `welcome: expected minor of at most ${MINOR_VERSION}`);
    }
    this.#phase = 'open';
    this.#heartbeat = new Heartbeat(welcome.timings, this.#random, at);
    this.#info = { role: welcome.role, epoch: welcome.epoch, reason: welcome.reason, welcome };
    return [event({ kind: 'session', info: this.#info })];
  }

  #role({ role, epoch, reason }: FrameOf<'role'>, info: SessionInfo): SessionEffect[] {
    if (epoch < info.epoch) return ignored('stale_epoch', 'role');
    // What was begun under the old role or epoch is void.
    this.#level.drop();
    this.#unanswered.clear();
    this.#info = { ...info, role, epoch, reason };
    const streams = role === 'active' ? [] : [...this.#streams.keys()];
    return [
      ...streams.flatMap((streamId) => this.#closeStream(streamId, 'unavailable')),
      event({ kind: 'session', info: this.#info }),
    ];
  }

  #aboutRuns(message: AboutRuns, info: SessionInfo): SessionEffect[] {
    const isStart = message.type === 'start';
    if (isStart) this.#startsSeen += 1;
    const misplaced = whyIgnored(message.epoch, info);
    if (misplaced === 'unknown_epoch') {
      // Its role was said, and never came: without it this session would stay deaf for as long as it lasts.
      return [
        ...ignored(misplaced, message.type),
        ...this.#end(CLOSE.badFrame, `${message.type}: expected role first`),
      ];
    }
    if (misplaced !== undefined) {
      // The control plane counts this start against its credit until it hears that it was seen.
      return [...ignored(misplaced, message.type), ...(isStart ? this.#try(() => [this.#slotsFrame()]) : [])];
    }
    if (this.#level.isOpen && (isStart || message.type === 'cancel')) {
      return this.#end(CLOSE.badFrame, `${message.type}: expected level.end first`);
    }
    switch (message.type) {
      case 'start':
        return [event({ kind: 'start', run: message.run })];
      case 'cancel':
        return [event({ kind: 'cancel', runId: message.runId, reason: message.reason })];
      case 'ending.ack':
        return [event({ kind: 'endingAcknowledged', runId: message.runId })];
      case 'recorded':
        return [event({ kind: 'recorded', runIds: message.runIds })];
      case 'discard':
        return [event({ kind: 'discard', runId: message.runId })];
      default:
        return this.#levelFrame(message);
    }
  }

  #levelFrame(frame: FrameOf<'level.begin' | 'level.page' | 'level.end'>): SessionEffect[] {
    const assembled = this.#level.take(frame);
    if (assembled.kind === 'problem') return this.#end(CLOSE.badFrame, assembled.reason);
    if (assembled.kind === 'more') return [];
    const [oldest] = this.#unanswered;
    if (this.#unanswered.size >= MAX_OPEN_LEVELS && oldest !== undefined) this.#unanswered.delete(oldest);
    this.#unanswered.add(assembled.level.levelId);
    return [event({ kind: 'level', level: assembled.level })];
  }

  #aboutLogs(message: AboutLogs, info: SessionInfo): SessionEffect[] {
    if (message.type === 'log.open') return this.#openStream(message, info);
    const { streamId } = message;
    if (!this.#streams.has(streamId)) return ignored('unknown_stream', message.type);
    if (message.type === 'log.close') return this.#closeStream(streamId, 'closed');
    return [event({ kind: 'logCredit', streamId, bytes: message.bytes })];
  }

  #openStream(open: FrameOf<'log.open'>, info: SessionInfo): SessionEffect[] {
    const { streamId, runId, fromByte } = open;
    if (this.#streams.has(streamId)) return this.#end(CLOSE.badFrame, 'log.open: this streamId is open already');
    if (info.role !== 'active') {
      const message = 'This instance of the agent is not active.';
      return [
        ...ignored('not_active', open.type),
        this.#frame({ type: 'log.end', streamId, runId, rawTo: fromByte, reason: 'unavailable', message }),
      ];
    }
    if (this.#streams.size >= LIMITS.logStreams) {
      return this.#end(CLOSE.tooManyStreams, `log.open: expected at most ${LIMITS.logStreams} open streams`);
    }
    this.#streams.set(streamId, { runId, rawTo: fromByte });
    return [event({ kind: 'logOpen', open })];
  }

  #closeStream(streamId: string, reason: 'closed' | 'unavailable'): SessionEffect[] {
    const { runId, rawTo } = this.#streams.get(streamId) ?? { runId: '', rawTo: 0 };
    this.#streams.delete(streamId);
    return [this.#frame({ type: 'log.end', streamId, runId, rawTo, reason }), event({ kind: 'logClose', streamId })];
  }

  /** False when the stream is not open (any more). */
  #noteProgress({ type, streamId, rawTo }: { type: string; streamId: string; rawTo: number }): boolean {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return false;
    stream.rawTo = rawTo;
    if (type === 'log.end') this.#streams.delete(streamId);
    return true;
  }

  #slotsFrame(): SessionEffect {
    return this.#frame({ type: 'slots', slots: { ...this.#slots, startsSeen: this.#startsSeen } });
  }

  #frame(message: AgentMessage): SessionEffect {
    return { kind: 'send', type: message.type, ...encodeAgentMessage(message) };
  }

  /** A statement the other side would have to refuse is left out rather than ending the session. */
  #try(make: () => SessionEffect[]): SessionEffect[] {
    try {
      return make();
    } catch (error) {
      if (isRunnerError(error)) return ignored('invalid', error.message);
      throw error;
    }
  }

  #end(close: CloseCode, reason: string): SessionEffect[] {
    this.#phase = 'closed';
    return [{ kind: 'close', close, reason }];
  }
}

function whyIgnored(epoch: number, info: SessionInfo): IgnoredReason | undefined {
  if (epoch < info.epoch) return 'stale_epoch';
  if (epoch > info.epoch) return 'unknown_epoch';
  return info.role === 'active' ? undefined : 'not_active';
}
