import { RunnerError } from '@runner/core';
import { z } from 'zod';

/** RFC 6902. OpenMetadata's clients send `add`, `remove` and `replace`; the others belong to the standard. */
export const patchSchema = z
  .array(
    z.object({
      op: z.enum(['add', 'remove', 'replace', 'move', 'copy', 'test']),
      path: z.string().max(2048),
      from: z.string().max(2048).optional(),
      value: z.unknown().optional(),
    }),
  )
  .max(1000)
  .meta({ id: 'JsonPatch' });
export type JsonPatch = z.infer<typeof patchSchema>;
type Operation = JsonPatch[number];

/** The document after the patch; the given one stays as it is. Rejects with `patch_invalid`, which names the operation. */
export function applyPatch(document: unknown, patch: JsonPatch): unknown {
  return patch.reduce((current: unknown, operation, index) => {
    try {
      return applyOne(current, operation);
    } catch (error) {
      if (!(error instanceof PatchFailure)) throw error;
      throw new RunnerError('patch_invalid', `operation ${index} of the patch cannot be applied: ${error.message}`);
    }
  }, structuredClone(document));
}

class PatchFailure extends Error {}

function applyOne(document: unknown, { op, path, from, value }: Operation): unknown {
  const segments = segmentsOf(path);
  switch (op) {
    case 'add':
      return put(document, segments, value, 'add');
    case 'replace':
      read(document, segments);
      return put(document, segments, value, 'replace');
    case 'remove':
      read(document, segments);
      return remove(document, segments);
    case 'test':
      if (!equal(read(document, segments), value)) throw new PatchFailure('the tested value is another one');
      return document;
    case 'copy':
      return put(document, segments, structuredClone(read(document, segmentsOf(from))), 'add');
    case 'move': {
      const source = segmentsOf(from);
      if (source.length < segments.length && source.every((segment, index) => segments[index] === segment)) {
        throw new PatchFailure('a value cannot be moved into itself');
      }
      const moved = read(document, source);
      return put(remove(document, source), segments, moved, 'add');
    }
  }
}

function segmentsOf(pointer: string | undefined): readonly string[] {
  if (pointer === undefined) throw new PatchFailure('it has no from');
  if (pointer === '') return [];
  if (!pointer.startsWith('/')) throw new PatchFailure('the path does not begin with /');
  const segments = pointer
    .slice(1)
    .split('/')
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (segments.includes('__proto__')) throw new PatchFailure('the path leads nowhere');
  return segments;
}

function read(document: unknown, segments: readonly string[]): unknown {
  let value = document;
  for (const segment of segments) {
    if (Array.isArray(value)) value = value[indexOf(segment, value.length - 1)] as unknown;
    else if (isRecord(value) && Object.hasOwn(value, segment)) value = value[segment];
    else throw new PatchFailure('there is nothing at the path');
  }
  return value;
}

function put(document: unknown, segments: readonly string[], value: unknown, mode: 'add' | 'replace'): unknown {
  const last = segments.at(-1);
  if (last === undefined) return value;
  const parent = read(document, segments.slice(0, -1));
  if (Array.isArray(parent)) {
    if (mode === 'replace') parent[indexOf(last, parent.length - 1)] = value;
    else parent.splice(last === '-' ? parent.length : indexOf(last, parent.length), 0, value);
  } else if (isRecord(parent)) parent[last] = value;
  else throw new PatchFailure('there is nothing at the path');
  return document;
}

function remove(document: unknown, segments: readonly string[]): unknown {
  const last = segments.at(-1);
  if (last === undefined) throw new PatchFailure('the whole document cannot be removed');
  const parent = read(document, segments.slice(0, -1));
  if (Array.isArray(parent)) parent.splice(indexOf(last, parent.length - 1), 1);
  else if (isRecord(parent)) Reflect.deleteProperty(parent, last);
  return document;
}

function indexOf(segment: string, largest: number): number {
  const index = /^(0|[1-9]\d{0,9})$/.test(segment) ? Number(segment) : -1;
  if (index < 0 || index > largest) throw new PatchFailure('the path names no element of the list');
  return index;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function equal(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => equal(item, b[i]));
  if (!isRecord(a) || !isRecord(b)) return a === b;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]));
}
