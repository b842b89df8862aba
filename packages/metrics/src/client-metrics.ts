import type { Clock } from '@runner/core';
import { CLOSE_CODES, CONNECT_CODES, IGNORED_REASONS, createLabelSet } from './labels.ts';
import type { MetricRegistry } from './registry.ts';
import { createWindowMax } from './window-max.ts';

/** Has the shape of the protocol's client observer without importing it. */
export interface ClientMetrics {
  frameSent(type: string, bytes: number): void;
  frameReceived(type: string, bytes: number): void;
  connected(role: string): void;
  disconnected(code: number): void;
  failed(code: string): void;
  connecting(): void;
  roundTrip(seconds: number): void;
  ignored(reason: string): void;
}

const HEARTBEAT_MS = 15_000;
/** Heartbeats are jittered by 20 %, and a frame needs its time. */
const JITTER = 1.2;
const TRAVEL_MS = 1_000;

export interface ClientFigures {
  readonly observer: ClientMetrics;
  role(): string;
  /** Seconds in which the control plane answered something. */
  answered(seconds: number): void;
  collect(): void;
}

export function createClientMetrics(
  registry: MetricRegistry,
  clock: Clock,
  heartbeatMs: () => number | undefined,
): ClientFigures {
  const longest = createWindowMax(clock);
  const closeCodes = createLabelSet(CLOSE_CODES);
  const connectCodes = createLabelSet(CONNECT_CODES);
  const reasons = createLabelSet(IGNORED_REASONS);
  const reconnects = registry.counter('collate_hybrid_agent_reconnects_total');
  const attempts = registry.counter('collate_hybrid_agent_connection_attempts_total');
  const disconnects = registry.counter('collate_hybrid_agent_disconnects_total');
  const failures = registry.counter('collate_hybrid_agent_connection_failures_total');
  const ignored = registry.counter('collate_hybrid_agent_frames_ignored_total');
  const frames = registry.histogram('collate_hybrid_agent_frame_size_bytes');
  const answers = registry.summary('collate_hybrid_agent_server_response_time_seconds');
  for (const code of closeCodes.values) disconnects.inc({ code }, 0);
  for (const code of connectCodes.values) failures.inc({ code }, 0);
  for (const reason of reasons.values) ignored.inc({ reason }, 0);

  let role: string | undefined;
  let sessions = 0;
  let lastHeard = 0;
  /** A socket may be dead long before anybody closes it: without a sign of life in time it does not count as connected. */
  const heard = (): boolean => clock.monotonic() - lastHeard <= (heartbeatMs() ?? HEARTBEAT_MS) * JITTER + TRAVEL_MS;
  const answered = (seconds: number): void => {
    answers.observe(seconds);
    longest.add(seconds);
  };

  const observer: ClientMetrics = {
    frameSent: (_type, bytes) => frames.observe({ direction: 'sent' }, bytes),
    frameReceived: (_type, bytes) => {
      lastHeard = clock.monotonic();
      frames.observe({ direction: 'received' }, bytes);
    },
    connected: (now) => {
      // Also called when the role of a session changes.
      if (role === undefined) {
        if (sessions > 0) reconnects.inc();
        sessions += 1;
        lastHeard = clock.monotonic();
      }
      role = now;
    },
    disconnected: (code) => {
      role = undefined;
      disconnects.inc({ code: closeCodes.of(String(code)) });
    },
    failed: (code) => failures.inc({ code: connectCodes.of(code) }),
    connecting: () => attempts.inc(),
    roundTrip: answered,
    ignored: (reason) => ignored.inc({ reason: reasons.of(reason) }),
  };
  return {
    observer,
    role: () => role ?? 'none',
    answered,
    collect: () => {
      registry.gauge('collate_hybrid_agent_connected').set(role !== undefined && heard() ? 1 : 0);
      registry.gauge('collate_hybrid_agent_server_response_time_seconds_max').set(longest.value());
    },
  };
}
