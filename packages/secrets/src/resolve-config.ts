import type { Secret } from '@runner/core';
import { RunnerError, isSecret } from '@runner/core';
import { secretError } from './errors.ts';
import type { PointerSegment } from './pointer.ts';
import { pointerPattern, toPointer } from './pointer.ts';
import { isSecretReference, parseSecretReference } from './reference.ts';
import type { ResolveOptions, SecretResolution } from './resolution.ts';

export interface ResolveConfigOptions {
  readonly signal?: AbortSignal;
  /**
   * Where references are looked for, as JSON pointers in which `[]` stands for any element and `*` for any key. Default:
   * everywhere. With it, references at other places stay as they are, as OpenMetadata's library leaves them.
   */
  readonly pointers?: readonly string[];
}

export interface FoundReference {
  /** As it stands there. */
  readonly reference: string;
  /** JSON pointer to the value. */
  readonly pointer: string;
  readonly id: string;
}

/** A document whose references were replaced. */
export interface ResolvedConfig<T> {
  /** The same document with a `Secret` at the place of each reference; safe to log. */
  readonly config: unknown;
  readonly references: readonly FoundReference[];
  /** The document with the values themselves, for the last moment before it is used. A new copy each time. */
  reveal(): T;
}

/** Deeper documents are refused, so that a hostile one cannot exhaust the stack. */
const DEEPEST = 64;

type Visit = (value: unknown, segments: readonly PointerSegment[]) => unknown;

/** Copies plain JSON, giving every leaf to `leaf`. */
function mapLeaves(value: unknown, leaf: Visit, segments: readonly PointerSegment[] = []): unknown {
  if (typeof value !== 'object' || value === null || isSecret(value)) return leaf(value, segments);
  if (segments.length >= DEEPEST) {
    throw secretError('secret_config_unresolved', `the document is nested deeper than ${DEEPEST} levels`, {
      details: { pointer: toPointer(segments).slice(0, 512) },
    });
  }
  if (Array.isArray(value)) return value.map((item: unknown, index) => mapLeaves(item, leaf, [...segments, index]));
  // fromEntries defines keys instead of assigning them, so that `__proto__` is a key like any other.
  return Object.fromEntries(
    Object.entries(value).map(([key, item]: [string, unknown]) => [key, mapLeaves(item, leaf, [...segments, key])]),
  );
}

/** All references in a document, in reading order, well-formed or not. */
export function findSecretReferences(config: unknown): readonly FoundReference[] {
  const found: FoundReference[] = [];
  mapLeaves(config, (value, segments) => {
    const reference = parseSecretReference(value);
    if (reference !== undefined) {
      found.push({ reference: String(value), pointer: toPointer(segments), id: reference.id });
    }
    return undefined;
  });
  return found;
}

/** See `SecretResolver.resolveConfig`. */
export async function resolveConfig<T>(
  config: T,
  resolveAll: (references: readonly string[], options: ResolveOptions) => Promise<readonly SecretResolution[]>,
  { signal, pointers }: ResolveConfigOptions,
): Promise<ResolvedConfig<T>> {
  const patterns = pointers?.map(pointerPattern);
  const wanted = (segments: readonly PointerSegment[]): boolean =>
    patterns === undefined || patterns.some((matches) => matches(segments));
  const places: { readonly pointer: string; readonly reference: string }[] = [];
  mapLeaves(config, (value, segments) => {
    if (isSecretReference(value) && wanted(segments)) places.push({ pointer: toPointer(segments), reference: value });
    return undefined;
  });

  const answers = await resolveAll(
    places.map((place) => place.reference),
    signal === undefined ? {} : { signal },
  );
  const failures = answers.flatMap((answer, index) =>
    answer.ok ? [] : [{ pointer: places[index]?.pointer ?? '', error: answer.error }],
  );
  if (failures.length > 0) throw unresolved(failures);

  const values = new Map<string, Secret>();
  answers.forEach((answer, index) => {
    const place = places[index];
    if (answer.ok && place !== undefined) values.set(place.pointer, answer.value);
  });
  const withSecrets = mapLeaves(config, (value, segments) => values.get(toPointer(segments)) ?? value);
  return {
    config: withSecrets,
    references: places.map((place) => ({ ...place, id: parseSecretReference(place.reference)?.id ?? '' })),
    reveal: () => mapLeaves(withSecrets, (value) => (isSecret(value) ? value.reveal() : value)) as T,
  };
}

/** One error for all references that failed; `details.failures` has each of them. */
function unresolved(failures: readonly { readonly pointer: string; readonly error: RunnerError }[]): RunnerError {
  const [first] = failures;
  const more = failures.length > 1 ? ` (and ${failures.length - 1} more)` : '';
  const hint = first?.error.hint;
  return new RunnerError(
    'secret_config_unresolved',
    `${first?.error.message ?? ''} (at ${first?.pointer ?? ''})${more}`,
    {
      retryable: failures.every(({ error }) => error.retryable),
      cause: first?.error,
      ...(hint === undefined ? {} : { hint }),
      details: {
        failures: failures.map(({ pointer, error }) => ({ pointer, ...error.toJSON() })),
      },
    },
  );
}
