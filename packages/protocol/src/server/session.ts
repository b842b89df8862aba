import type { Random } from '@runner/core';
import { RunnerError } from '@runner/core';
import { CLOSE } from '../close-codes.ts';
import type { Decoded } from '../codec.ts';
import type { AgentMessage, Hello, Role, RunStart, Timings, Welcome } from '../messages.ts';
import { CAPABILITIES, MINOR_VERSION } from '../messages.ts';
import { optional } from './record-fields.ts';
import type { FrameRate } from './session/frame-rate.ts';
import { FrameBucket } from './session/frame-rate.ts';
import type { LevelRun } from './session/level-exchange.ts';
import { LevelExchange } from './session/level-exchange.ts';
import { LogCredits } from './session/log-credits.ts';
import { Pulse } from './session/pulse.ts';
import { StartCredit } from './session/start-credit.ts';
import type { Step } from './session/step.ts';
import { NOTHING, end, event, ignore, say } from './session/step.ts';

export interface SessionOptions {
  readonly sessionId: string;
  readonly controlPlaneId: string;
  readonly openMetadataVersion?: string;
  readonly timings: Timings;
  readonly random: Random;
  /** Default 500 a second, 20,000 at once. Log chunks under credit are not counted. */
  readonly frameRate?: FrameRate;
  /** Words of optional features this side knows. Default none. */
  readonly capabilities?: readonly string[];
}

const HELLO_TIMEOUT_MS = 10_000;
/** From hello to welcome: the store decides who is active, and may be away. */
const WELCOME_TIMEOUT_MS = 10_000;
/** How long a challenged incumbent may be silent. */
const CHALLENGE_MS = 5_000;
const DEFAULT_RATE: FrameRate = { perSecond: 500, burst: 20_000 };

/**
 * The control plane's side of one socket, without the socket: frames, ticks and commands go in, frames, events and the
 * end come out. Knows no store and no other session. All times are monotonic milliseconds.
 */
export class ServerSession {
  readonly #options: SessionOptions;
  readonly #bucket: FrameBucket;
  readonly #pulse: Pulse;
  readonly #levels = new LevelExchange();
  readonly #logs = new LogCredits();
  #state: 'hello' | 'claiming' | 'open' | 'over' = 'hello';
  #deadline: number;
  #hello: Hello | undefined;
  #credit: StartCredit | undefined;
  #role: Role = 'standby';
  #epoch = 0;
  #welcomed = false;
  #draining = false;

  constructor(options: SessionOptions, now: number) {
    this.#options = options;
    this.#bucket = new FrameBucket(options.frameRate ?? DEFAULT_RATE, now);
    this.#pulse = new Pulse(options.timings, options.random, now);
    this.#deadline = now + HELLO_TIMEOUT_MS;
  }

  get role(): Role {
    return this.#role;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Whether it was ever opened; stays true when it is over. */
  get welcomed(): boolean {
    return this.#welcomed;
  }

  get draining(): boolean {
    return this.#draining;
  }

  get slots(): Hello['slots'] | undefined {
    return this.#credit?.slots;
  }

  /** When `tick` has something to do. */
  get nextTickAt(): number {
    return this.#state === 'open' ? this.#pulse.nextAt : Math.min(this.#deadline, this.#pulse.silentAt);
  }

  // --- what comes in ---------------------------------------------------------------------------------------------------

  receive(frame: Decoded<AgentMessage>, now: number): Step {
    if (this.#state === 'over') return NOTHING;
    this.#pulse.heard(now);
    if (frame.kind === 'ok' && frame.message.type === 'log.chunk' && frame.message.data !== '') {
      const step = this.#logs.take(frame.message);
      // Under credit it is bounded already.
      if (step.events[0]?.kind !== 'ignored') return this.#ended(step);
    }
    if (!this.#bucket.take(now)) return this.#ended(end(CLOSE.tooManyRequests, 'too many frames'));
    if (frame.kind === 'problem') return this.#ended(end(frame.close, frame.reason));
    if (frame.kind === 'ignored') return ignore('unknown_type');
    return this.#ended(this.#message(frame.message, now));
  }

  tick(now: number): Step {
    if (this.#state === 'over') return NOTHING;
    if (this.#state !== 'open' && now >= this.#deadline) {
      const helloMissing = this.#state === 'hello';
      return this.#ended(
        helloMissing
          ? end(CLOSE.helloTimeout, 'no hello in time')
          : end(CLOSE.unavailable, 'it could not be decided who is active'),
      );
    }
    if (this.#pulse.isSilent(now)) return this.#ended(end(CLOSE.silence, 'nothing was heard'));
    const n = this.#state === 'open' ? this.#pulse.due(now) : undefined;
    return n === undefined ? NOTHING : say({ type: 'ping', n });
  }

  #message(message: AgentMessage, now: number): Step {
    if (message.type === 'ping') return say({ type: 'pong', n: message.n });
    if (message.type === 'pong') return NOTHING;
    if (this.#state === 'hello') {
      return message.type === 'hello' ? this.#introduced(message, now) : end(CLOSE.badFrame, 'expected hello first');
    }
    switch (message.type) {
      case 'hello':
        return end(CLOSE.badFrame, 'hello came twice');
      case 'slots':
        if (this.#credit?.update(message.slots) !== true)
          return end(CLOSE.badFrame, 'slots: saw more starts than were sent');
        return event({ kind: 'slots' });
      case 'draining':
        this.#draining = true;
        return event({ kind: 'draining' });
      case 'log.chunk':
      case 'log.gap':
      case 'log.end':
        return this.#logs.take(message);
      case 'secrets.checked':
        return event({ kind: 'secretsChecked', message });
      default:
        return this.#aboutRuns(message);
    }
  }

  #introduced(hello: Hello, now: number): Step {
    this.#hello = hello;
    this.#state = 'claiming';
    this.#deadline = now + WELCOME_TIMEOUT_MS;
    this.#credit = new StartCredit(hello.slots);
    return event({ kind: 'hello', hello });
  }

  #aboutRuns(message: Extract<AgentMessage, { epoch: number }>): Step {
    if (this.#role !== 'active') return ignore('not_active');
    if (message.epoch !== this.#epoch) return ignore('stale_epoch');
    switch (message.type) {
      case 'report.begin':
      case 'report.page':
      case 'report.end':
        return this.#levels.take(message);
      default:
        return event({ kind: 'run', message });
    }
  }

  // --- what the control plane does -------------------------------------------------------------------------------------

  /** Opens the session, or changes its role later. */
  setRole(role: Role, epoch: number, reason?: string): Step {
    if (this.#state === 'over' || this.#state === 'hello') return NOTHING;
    const why = optional('reason', reason);
    const first = this.#state === 'claiming';
    if (!first && role === this.#role && epoch === this.#epoch) return NOTHING;
    this.#state = 'open';
    this.#welcomed = true;
    this.#role = role;
    this.#epoch = epoch;
    this.#levels.forget();
    if (!first) return say({ type: 'role', role, epoch, ...why });
    return say({ ...this.#greeting(), role, epoch, ...why });
  }

  /** What of the welcome does not depend on the role. */
  #greeting(): Omit<Welcome, 'role' | 'epoch'> {
    const { sessionId, controlPlaneId, openMetadataVersion, timings, capabilities = [] } = this.#options;
    const known = new Set(this.#hello?.capabilities);
    return {
      type: 'welcome',
      controlPlaneId,
      sessionId,
      minor: Math.min(MINOR_VERSION, this.#hello?.minor ?? 0),
      capabilities: capabilities.filter((capability) => known.has(capability)),
      ...optional('openMetadataVersion', openMetadataVersion),
      timings,
    };
  }

  /** A rival waits: the agent shall prove that it lives, or the session ends. */
  challenge(now: number): Step {
    if (this.#state !== 'open') return NOTHING;
    const n = this.#pulse.challenge(now, CHALLENGE_MS);
    return n === undefined ? NOTHING : say({ type: 'ping', n });
  }

  get levelOutstanding(): boolean {
    return this.#levels.outstanding;
  }

  /** States a level as one block, so that no start or cancel comes between its frames. */
  level(runs: readonly LevelRun[]): Step {
    return this.#isActive ? say(...this.#levels.state(this.#epoch, runs)) : NOTHING;
  }

  /** Whether any start may be sent: the instance is active and does not want to leave. */
  get takesStarts(): boolean {
    return this.#isActive && !this.#draining;
  }

  /** How many starts may be sent now; of this pipeline type, when one is given. */
  startsLeft(pipelineType?: string): number {
    if (!this.takesStarts || this.#credit === undefined) return 0;
    return Math.max(0, pipelineType === undefined ? this.#credit.total : this.#credit.of(pipelineType));
  }

  /**
   * A start is sent now: it uses credit. One whose workload this session has shown to be `standing` takes no new slot and
   * needs none.
   * @throws RunnerError `no_credit` when the agent did not advertise room for it; callers ask `startsLeft` first
   */
  noteStart(run: RunStart, standing: boolean): void {
    if (!this.takesStarts || (!standing && this.startsLeft(run.pipelineType) <= 0)) {
      throw new RunnerError('no_credit', 'the agent has no room for another start', { details: { runId: run.runId } });
    }
    this.#credit?.note(run.pipelineType);
  }

  /** A frame about runs, sent only while active. */
  tell(
    message:
      | { readonly type: 'cancel'; readonly runId: string; readonly reason?: string }
      | { readonly type: 'ending.ack' | 'discard'; readonly runId: string }
      | { readonly type: 'recorded'; readonly runIds: string[] },
  ): Step {
    return this.#isActive ? say({ ...message, epoch: this.#epoch }) : NOTHING;
  }

  /** Undefined: not active, or 256 streams are open. */
  openLog(ask: {
    runId: string;
    fromByte: number;
    follow: boolean;
    credit: number;
  }): { streamId: string; step: Step } | undefined {
    if (!this.#isActive || this.#logs.isFull) return undefined;
    const streamId = this.#logs.open(ask.runId, ask.credit);
    return { streamId, step: say({ type: 'log.open', streamId, ...ask }) };
  }

  creditLog(streamId: string, bytes: number): Step {
    return this.#logs.grant(streamId, bytes) ? say({ type: 'log.credit', streamId, bytes }) : NOTHING;
  }

  closeLog(streamId: string): Step {
    return this.#logs.close(streamId) ? say({ type: 'log.close', streamId }) : NOTHING;
  }

  /** Undefined: not active, or this agent does not know how. */
  checkSecrets(checkId: string, references: readonly string[]): Step | undefined {
    if (!this.#isActive || !this.#uses(CAPABILITIES.checkSecrets)) return undefined;
    return say({ type: 'secrets.check', checkId, references: [...references] });
  }

  /** The start as this agent gets it: without a token that it has no use for. */
  startFor({ exitToken, ...run }: RunStart): RunStart {
    return exitToken === undefined || !this.#uses(CAPABILITIES.exitToken) ? run : { ...run, exitToken };
  }

  /** Both sides know this feature. */
  #uses(word: string): boolean {
    return this.#hello?.capabilities.includes(word) === true && this.#options.capabilities?.includes(word) === true;
  }

  /** Nothing comes out of it any more. */
  over(): void {
    this.#state = 'over';
  }

  get #isActive(): boolean {
    return this.#state === 'open' && this.#role === 'active';
  }

  #ended(step: Step): Step {
    if (step.close !== undefined) this.#state = 'over';
    return step;
  }
}
