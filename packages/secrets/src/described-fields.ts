import { maskedFieldsOf } from './masked-fields.ts';
import type { PointerSegment } from './pointer.ts';
import { pointerPattern } from './pointer.ts';

/** A place in a connection, as far as somebody described its fields. */
export interface DescribedPlace {
  /** References are resolved here, and nothing else may stand here. */
  readonly masked: boolean;
  /** False where nobody said which fields there are; then their names have to tell. */
  readonly known: boolean;
  child(segment: PointerSegment): DescribedPlace;
}

/** Fields of a connection type, below `connection.config` or below the object that holds `config`. */
export function typePlace(type: string): DescribedPlace {
  const pointers = maskedFieldsOf(type);
  const patterns = (pointers ?? []).map(pointerPattern);
  const known = pointers !== undefined;
  const place = (segments: readonly PointerSegment[]): DescribedPlace => {
    const below = segments[0] === 'config' ? segments.slice(1) : segments;
    return {
      masked: patterns.some((matches) => matches(segments) || matches(below)),
      known,
      child: (segment) => place([...segments, segment]),
    };
  };
  return place([]);
}
