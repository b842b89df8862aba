import type { CloseCode } from '../../close-codes.ts';
import type { AgentMessage, ControlMessage, Hello, WireObservation } from '../../messages.ts';

/** What an agent says about one run. */
export type RunMessage = Extract<
  AgentMessage,
  { type: 'accepted' | 'refused' | 'waiting' | 'cancelled' | 'observed' | 'ending' }
>;
export type LogMessage = Extract<AgentMessage, { type: 'log.chunk' | 'log.gap' | 'log.end' }>;

export type SecretsCheckedMessage = Extract<AgentMessage, { type: 'secrets.checked' }>;

export type SessionEvent =
  | { readonly kind: 'hello'; readonly hello: Hello }
  | { readonly kind: 'run'; readonly message: RunMessage }
  /** A page of the answer to a level. `runs` says of each run in that level whether it was accepted then. */
  | {
      readonly kind: 'report';
      readonly runs: ReadonlyMap<string, boolean>;
      readonly observations: readonly WireObservation[];
    }
  | { readonly kind: 'reported' }
  | { readonly kind: 'slots' }
  | { readonly kind: 'draining' }
  | { readonly kind: 'log'; readonly message: LogMessage }
  | { readonly kind: 'secretsChecked'; readonly message: SecretsCheckedMessage }
  /** A frame was not listened to, and why. */
  | { readonly kind: 'ignored'; readonly reason: string };

/** What follows from one frame, tick or command: events first, then frames, then the end. */
export interface Step {
  readonly events: readonly SessionEvent[];
  readonly send: readonly ControlMessage[];
  readonly close?: { readonly code: CloseCode; readonly reason: string };
}

export const NOTHING: Step = { events: [], send: [] };
export const say = (...send: readonly ControlMessage[]): Step => ({ events: [], send });
export const event = (...events: readonly SessionEvent[]): Step => ({ events, send: [] });
export const ignore = (reason: string): Step => event({ kind: 'ignored', reason });
export const end = (code: CloseCode, reason: string): Step => ({ events: [], send: [], close: { code, reason } });
