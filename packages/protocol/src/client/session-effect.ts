import type { CloseCode } from '../close-codes.ts';
import type { ControlMessage, RunStart } from '../messages.ts';
import type { IgnoredReason, Level, SecretsCheck, SessionInfo } from './ports.ts';

/** What the session tells its owner. */
export type SessionEvent =
  | { readonly kind: 'session'; readonly info: SessionInfo }
  | { readonly kind: 'start'; readonly run: RunStart }
  | { readonly kind: 'cancel'; readonly runId: string; readonly reason: string | undefined }
  | { readonly kind: 'level'; readonly level: Level }
  | { readonly kind: 'endingAcknowledged'; readonly runId: string }
  | { readonly kind: 'recorded'; readonly runIds: readonly string[] }
  | { readonly kind: 'discard'; readonly runId: string }
  | { readonly kind: 'logOpen'; readonly open: Extract<ControlMessage, { type: 'log.open' }> }
  | { readonly kind: 'logCredit'; readonly streamId: string; readonly bytes: number }
  /** The control plane wants no more of it, or this instance may not serve it any more. */
  | { readonly kind: 'logClose'; readonly streamId: string }
  | { readonly kind: 'checkSecrets'; readonly check: SecretsCheck }
  | { readonly kind: 'roundTrip'; readonly ms: number }
  | { readonly kind: 'ignored'; readonly reason: IgnoredReason; readonly detail?: string };

/** What has to be done, in this order. After `close` nothing follows. */
export type SessionEffect =
  | { readonly kind: 'send'; readonly type: string; readonly text: string; readonly bytes: number }
  | { readonly kind: 'received'; readonly type: string; readonly bytes: number }
  | { readonly kind: 'close'; readonly close: CloseCode; readonly reason: string }
  | { readonly kind: 'event'; readonly event: SessionEvent };

/** An effect that only tells. */
export const event = (what: SessionEvent): SessionEffect => ({ kind: 'event', event: what });
/** Something was ignored on purpose. */
export const ignored = (reason: IgnoredReason, detail?: string): SessionEffect[] => [
  event({ kind: 'ignored', reason, ...(detail === undefined ? {} : { detail }) }),
];
