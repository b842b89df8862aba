import type { WireDiagnosis, WireObservation, WireOutcome, WireSecretCheck } from './messages.ts';
import { LIMITS } from './messages.ts';

/** What one page, or one observation, may take of a frame; the rest is for the envelope. */
export const PAGE_BYTES = 900_000;
const CUT = '… [cut]';
const TAIL_CUT = '[earlier output cut]\n';
/** The longest a UTF-16 unit gets in JSON: \uXXXX. */
const WORST_BYTES_PER_UNIT = 6;

/** A sentence within the limit of the protocol; a longer one loses its end and says so. */
export function fitText(text: string, limit: number = LIMITS.textLength): string {
  return text.length <= limit ? text : text.slice(0, limit - CUT.length) + CUT;
}

/** Longest sentence in a check, so that all results and their warnings fit into one frame. */
const CHECK_TEXT = 2_000;
const MOST_WARNINGS = 8;

/** A result whose sentences are short enough for a frame that is full of them. */
export function fitSecretCheck({ message, hint, warnings, ...rest }: WireSecretCheck): WireSecretCheck {
  return {
    ...rest,
    ...(message === undefined ? {} : { message: fitText(message, CHECK_TEXT) }),
    ...(hint === undefined ? {} : { hint: fitText(hint, CHECK_TEXT) }),
    warnings: warnings
      .slice(0, MOST_WARNINGS)
      .map((warning) => ({ code: warning.code, message: fitText(warning.message, CHECK_TEXT) })),
  };
}

/** A diagnosis whose sentences are within the limits. */
export function fitDiagnosis(diagnosis: WireDiagnosis): WireDiagnosis {
  const { message, hint } = diagnosis;
  if (message.length <= LIMITS.textLength && (hint?.length ?? 0) <= LIMITS.textLength) return diagnosis;
  return { ...diagnosis, message: fitText(message), ...(hint === undefined ? {} : { hint: fitText(hint) }) };
}

/**
 * An observation that fits its frame whatever the executor put into it: sentences are cut at their limit, and a log
 * tail loses its beginning, with a visible mark, until the whole is at most `PAGE_BYTES`.
 */
export function fitObservation(observation: WireObservation): WireObservation {
  if (observation.presence === 'absent') return observation;
  if (observation.presence === 'unknown') return { ...observation, reason: fitText(observation.reason) };
  const fitted = {
    ...observation,
    ...(observation.diagnosis === undefined ? {} : { diagnosis: fitDiagnosis(observation.diagnosis) }),
  };
  if (observation.outcome === undefined) return fitted;
  const outcome = fitOutcome(observation.outcome);
  const { logTail, ...bare } = outcome;
  if (logTail === undefined) return { ...fitted, outcome };
  const room = PAGE_BYTES - jsonBytes({ ...fitted, outcome: bare });
  return { ...fitted, outcome: { ...bare, logTail: tailWithin(logTail, room) } };
}

function fitOutcome(outcome: WireOutcome): WireOutcome {
  const { diagnosis, logTail } = outcome;
  return {
    ...outcome,
    ...(diagnosis === undefined ? {} : { diagnosis: fitDiagnosis(diagnosis) }),
    ...(logTail === undefined ? {} : { logTail: lastUnits(logTail, LIMITS.logTailLength) }),
  };
}

function tailWithin(tail: string, room: number): string {
  let fitted = tail;
  while (fitted.length * WORST_BYTES_PER_UNIT > room && jsonBytes(fitted) > room) {
    fitted = lastUnits(tail, Math.floor((fitted.length * room) / jsonBytes(fitted) / 1.05));
  }
  return fitted;
}

function lastUnits(text: string, limit: number): string {
  return text.length <= limit ? text : TAIL_CUT + text.slice(text.length - Math.max(0, limit - TAIL_CUT.length));
}

const jsonBytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

/** Cuts a list into pages that are within the limits both by count and by bytes. Each item must fit a page alone. */
export function pages<T>(items: readonly T[]): readonly T[][] {
  const cut: T[][] = [];
  let bytes = 0;
  for (const item of items) {
    const size = jsonBytes(item) + 1;
    const last = cut.at(-1);
    if (last === undefined || last.length >= LIMITS.pageRuns || bytes + size > PAGE_BYTES) {
      cut.push([item]);
      bytes = size;
    } else {
      last.push(item);
      bytes += size;
    }
  }
  return cut;
}
