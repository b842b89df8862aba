import type { RunnerError } from '@runner/core';
import type { z } from 'zod';
import type { CloseCode } from './close-codes.ts';
import { CLOSE } from './close-codes.ts';
import { isShallow } from './depth.ts';
import { protocolError } from './errors.ts';
import type { ExactMatch } from './exact-match.ts';
import { exactMatch } from './exact-match.ts';
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

const TOO_DEEP = `nested deeper than ${LIMITS.depth}`;

/** Frames that hold objects of any shape and depth. */
const FREE_FORM: ReadonlySet<string> = new Set(['start']);

interface Word<M> {
  readonly schema: z.ZodType<M>;
  readonly isExact: ExactMatch;
  /** Its schema has no place for objects of any shape. */
  readonly isShallow: boolean;
}
type Vocabulary<M> = ReadonlyMap<string, Word<M>>;

interface Branch {
  readonly shape: { readonly type: { readonly value: string } };
}

function vocabulary<M>(options: readonly (z.ZodType<M> & Branch)[]): Vocabulary<M> {
  return new Map(
    options.map((schema) => {
      const type = schema.shape.type.value;
      return [type, { schema, isExact: exactMatch(schema), isShallow: !FREE_FORM.has(type) }];
    }),
  );
}

const AGENT = vocabulary<AgentMessage>(agentMessageSchema.options);
const CONTROL = vocabulary<ControlMessage>(controlMessageSchema.options);

/** Every `type` an agent may send; for metric labels, which must be bounded. */
export const AGENT_MESSAGE_TYPES: readonly string[] = [...AGENT.keys()];
/** Every `type` a control plane may send. */
export const CONTROL_MESSAGE_TYPES: readonly string[] = [...CONTROL.keys()];

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
  let frame: unknown;
  try {
    // Does not recurse, however deep the text is.
    frame = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text.
    return problem(CLOSE.badFrame, 'not valid JSON');
  }
  const type = isObject(frame) ? frame['type'] : undefined;
  const word = typeof type === 'string' ? words.get(type) : undefined;
  // Exact frames are as shallow as their schema.
  if (word?.isShallow === true && word.isExact(frame)) return { kind: 'ok', message: frame as M };
  if (!isShallow(text, LIMITS.depth)) return problem(CLOSE.badFrame, TOO_DEEP);
  return decodeCarefully(frame, text, word);
}

/** What is left: frames that hold the sender's own keys, unknown fields, unknown types, mistakes. */
function decodeCarefully<M>(frame: unknown, text: string, word: Word<M> | undefined): Decoded<M> {
  if (!isObject(frame)) return problem(CLOSE.badFrame, 'frame: expected an object');
  const type = frame['type'];
  if (typeof type !== 'string') return problem(CLOSE.badFrame, 'type: expected a string');
  if (word === undefined) return unknownType(frame);
  removeDangerousKeys(frame, text);
  if (word.isExact(frame)) return { kind: 'ok', message: frame as M };
  const parsed = word.schema.safeParse(frame);
  if (parsed.success) return { kind: 'ok', message: parsed.data };
  return problem(CLOSE.badFrame, `${type}: ${describeIssue(parsed.error)}`);
}

function unknownType(frame: Record<string, unknown>): Decoded<never> {
  if (frame[requiredMarker] !== true) return { kind: 'ignored' };
  return problem(CLOSE.unsupported, 'a frame of a newer version was marked as required');
}

function encode<M extends AgentMessage | ControlMessage>(words: Vocabulary<M>, message: M): EncodedFrame {
  const word = words.get(message.type);
  const isExact = word?.isExact(message) === true;
  if (!isExact) assertValid(word?.schema, message);
  const text = stringify(message);
  const bytes = Buffer.byteLength(text);
  if (bytes > LIMITS.frameBytes) {
    throw protocolError('frame_too_large', `a ${message.type} frame of ${bytes} bytes was not sent`, {
      details: { bytes, limit: LIMITS.frameBytes },
    });
  }
  if (!(isExact && word.isShallow) && !isShallow(text, LIMITS.depth)) throw invalidFrame(message, TOO_DEEP);
  return { text, bytes };
}

function stringify(message: { readonly type: string }): string {
  try {
    return JSON.stringify(message);
  } catch {
    // Endlessly deep, circular or with a bigint; the error may quote names of the content.
    throw invalidFrame(message, 'it cannot be written as JSON');
  }
}

function assertValid(schema: z.ZodType | undefined, message: { readonly type: string }): void {
  if (schema === undefined) throw protocolError('invalid_frame', 'a frame of the other direction was not sent');
  const parsed = schema.safeParse(message);
  if (parsed.success) return;
  throw invalidFrame(message, describeIssue(parsed.error));
}

function invalidFrame({ type }: { readonly type: string }, why: string): RunnerError {
  return protocolError('invalid_frame', `a ${type} frame was not sent: ${why}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
