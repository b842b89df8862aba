/** Stands where a credential stood. */
export const MARK = '[redacted]';

/** The text with [from, to) of each range replaced by the mark. Ranges are in order and do not overlap. */
export function markRanges(text: string, ranges: readonly (readonly [from: number, to: number])[]): string {
  if (ranges.length === 0) return text;
  const parts: string[] = [];
  let at = 0;
  for (const [from, to] of ranges) {
    parts.push(text.slice(at, from), MARK);
    at = to;
  }
  parts.push(text.slice(at));
  return parts.join('');
}

/** Where the match of a sticky pattern ends that begins at `at`; undefined when there is none. */
export function matchEnd(sticky: RegExp, text: string, at: number): number | undefined {
  sticky.lastIndex = at;
  return sticky.test(text) ? sticky.lastIndex : undefined;
}
