import type { Random } from '@runner/core';

/**
 * Which trace a run belongs to: the W3C `traceparent` (https://www.w3.org/TR/trace-context/#traceparent-header) in the
 * one version there is. Hex digits are lower case; an id of zeros only means that there is none.
 */
const TRACEPARENT = /^00-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-([\da-f]{2})$/;
/** The one flag that says something across systems: whoever asks records this trace. */
const SAMPLED = 0x01;

/**
 * The trace context of a new run: a step of its own in the trace of whoever asks, recorded if that one is, else the first
 * step of a new one.
 * @param asked the header as it came; what is not one is as good as none
 */
export function traceparentFor(asked: unknown, random: Random): string {
  const [, traceId, flags = ''] = (typeof asked === 'string' ? TRACEPARENT.exec(asked) : undefined) ?? [];
  const sampled = traceId === undefined || (Number.parseInt(flags, 16) & SAMPLED) === SAMPLED;
  // The last 16 digits of a random UUID begin with its variant, so that they are never all zeros; nor are all 32.
  return `00-${traceId ?? digits(random)}-${digits(random).slice(16)}-${sampled ? '01' : '00'}`;
}

/** The trace of a context, for lines of the log. */
export function traceIdOf(traceparent: string | undefined): string | undefined {
  return traceparent === undefined ? undefined : TRACEPARENT.exec(traceparent)?.[1];
}

function digits(random: Random): string {
  return random.uuid().replaceAll('-', '');
}
