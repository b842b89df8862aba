/** JSON pointers (RFC 6901) and patterns of them. */

export type PointerSegment = string | number;

/** `['a', 0]` as `/a/0`. */
export function toPointer(segments: readonly PointerSegment[]): string {
  return segments.map((segment) => `/${String(segment).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/**
 * A pointer in which `[]` stands for any element of an array and `*` for any key.
 * @returns a test of the segments of a place: is it the one the pattern names, or below it?
 */
export function pointerPattern(pattern: string): (segments: readonly PointerSegment[]) => boolean {
  const parts = pattern
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  return (segments) =>
    segments.length >= parts.length &&
    parts.every((part, index) => {
      const segment = segments[index];
      if (part === '[]') return typeof segment === 'number';
      if (part === '*') return typeof segment === 'string';
      return segment === part;
    });
}
