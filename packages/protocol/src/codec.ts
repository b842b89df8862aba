import { RunnerError } from '@runner/core';
import type { z } from 'zod';
import type { CloseCode } from './close-codes.ts';
import { CLOSE } from './close-codes.ts';
import { isShallow } from './depth.ts';
import type { AgentMessage, ControlMessage } from './messages.ts';
import { LIMITS, agentMessageSchema, controlMessageSchema, requiredMarker } from './messages.ts';
import { removeDangerousKeys } from './prototype-keys.ts';
import { describeIssue } from './issue.ts';

/**
 * What became of one frame. `ignored`: a type of a newer minor version that may be skipped. `problem`: close the
 * session with this code; the reason names a place and what was expected there, never what was received.
 */
export type Decoded<M> =
  | { readonly kind: 'ok'; readonly message: M }
  | { readonly kind: 'ignored' }
  | { readonly kind: 'problem'; readonly close: CloseCode; readonly reason: string };

/** A frame ready to be sent. `bytes` is its size in UTF-8. */
export interface EncodedFrame {
  readonly text: string;
  readonly bytes: number;
}

interface Vocabulary<M> {
  readonly schemas: ReadonlyMap<string, z.ZodType<M>>;
}

interface Branch {
  readonly shape: { readonly type: { readonly value: string } };
}

function vocabulary<M>(options: readonly (z.ZodType<M> & Branch)[]): Vocabulary<M> {
  return { schemas: new Map(options.map((option) => [option.shape.type.value, option])) };
}

const AGENT = vocabulary<AgentMessage>(agentMessageSchema.options);
const CONTROL = vocabulary<ControlMessage>(controlMessageSchema.options);

/** Every `type` an agent may send; for metric labels, which must be bounded. */
export const AGENT_MESSAGE_TYPES: readonly string[] = [...AGENT.schemas.keys()];
/** Every `type` a control plane may send. */
export const CONTROL_MESSAGE_TYPES: readonly string[] = [...CONTROL.schemas.keys()];

/**
 * Reads a frame that an agent sent.
 * @param text the text frame, or undefined for a binary one
 * @param bytes its size on the wire
 */
export function decodeAgentMessage(text: string | undefined, bytes: number): Decoded<AgentMessage> {
  return decode(AGENT, text, bytes);
}

/** Reads a frame that a control plane sent; parameters as for `decodeAgentMessage`. */
export function decodeControlMessage(text: string | undefined, bytes: number): Decoded<ControlMessage> {
  return decode(CONTROL, text, bytes);
}

/**
 * Writes a frame of an agent. A frame the other side would have to refuse never leaves: it would end the session, and
 * be sent again in the next one.
 * @throws RunnerError `frame_too_large` or `invalid_frame`
 */
export function encodeAgentMessage(message: AgentMessage): EncodedFrame {
  return encode(AGENT, message);
}

/** Writes a frame of a control plane; errors as for `encodeAgentMessage`. */
export function encodeControlMessage(message: ControlMessage): EncodedFrame {
  return encode(CONTROL, message);
}

const problem = (close: CloseCode, reason: string): { kind: 'problem'; close: CloseCode; reason: string } => ({
  kind: 'problem',
  close,
  reason,
});

function decode<M>(words: Vocabulary<M>, text: string | undefined, bytes: number): Decoded<M> {
  if (text === undefined) return problem(CLOSE.badFrame, 'binary frames are not part of the protocol');
  if (bytes > LIMITS.frameBytes) return problem(CLOSE.tooLarge, `frame larger than ${LIMITS.frameBytes} bytes`);
  if (!isShallow(text, LIMITS.depth)) return problem(CLOSE.badFrame, `nested deeper than ${LIMITS.depth}`);
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text.
    return problem(CLOSE.badFrame, 'not valid JSON');
  }
  if (!isObject(frame)) return problem(CLOSE.badFrame, 'frame: expected an object');
  removeDangerousKeys(frame, text);
  const type = frame['type'];
  if (typeof type !== 'string') return problem(CLOSE.badFrame, 'type: expected a string');
  const schema = words.schemas.get(type);
  if (schema === undefined) return unknownType(frame);
  const parsed = schema.safeParse(frame);
  if (parsed.success) return { kind: 'ok', message: parsed.data };
  return problem(CLOSE.badFrame, `${type}: ${describeIssue(parsed.error)}`);
}

function unknownType(frame: Record<string, unknown>): Decoded<never> {
  if (frame[requiredMarker] !== true) return { kind: 'ignored' };
  return problem(CLOSE.unsupported, 'a frame of a newer version was marked as required');
}

function encode<M extends AgentMessage | ControlMessage>(words: Vocabulary<M>, message: M): EncodedFrame {
  const parsed = words.schemas.get(message.type)?.safeParse(message);
  if (parsed?.success !== true) {
    const where = parsed === undefined ? 'type: not one of this direction' : describeIssue(parsed.error);
    throw new RunnerError('invalid_frame', `a ${message.type} frame was not sent: ${where}`);
  }
  const text = JSON.stringify(message);
  const bytes = Buffer.byteLength(text);
  if (bytes > LIMITS.frameBytes) {
    throw new RunnerError('frame_too_large', `a ${message.type} frame of ${bytes} bytes was not sent`, {
      details: { bytes, limit: LIMITS.frameBytes },
    });
  }
  if (!isShallow(text, LIMITS.depth)) {
    throw new RunnerError('invalid_frame', `a ${message.type} frame nested deeper than ${LIMITS.depth} was not sent`);
  }
  return { text, bytes };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
