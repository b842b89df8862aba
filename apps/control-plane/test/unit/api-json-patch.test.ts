import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyPatch } from '../../src/api/json-patch.ts';
import type { JsonPatch } from '../../src/api/json-patch.ts';

const apply = (document: unknown, ...patch: JsonPatch): unknown => applyPatch(document, patch);

describe('JSON Patch', () => {
  // Examples of RFC 6902, appendix A.
  test.each<[string, unknown, JsonPatch, unknown]>([
    ['adds a member', { foo: 'bar' }, [{ op: 'add', path: '/baz', value: 'qux' }], { foo: 'bar', baz: 'qux' }],
    ['adds an element', { foo: [1, 3] }, [{ op: 'add', path: '/foo/1', value: 2 }], { foo: [1, 2, 3] }],
    ['appends an element', { foo: [1] }, [{ op: 'add', path: '/foo/-', value: 2 }], { foo: [1, 2] }],
    ['removes a member', { a: 1, b: 2 }, [{ op: 'remove', path: '/b' }], { a: 1 }],
    ['removes an element', { a: [1, 2, 3] }, [{ op: 'remove', path: '/a/1' }], { a: [1, 3] }],
    ['replaces a value', { a: 1 }, [{ op: 'replace', path: '/a', value: { b: 2 } }], { a: { b: 2 } }],
    ['replaces the whole', { a: 1 }, [{ op: 'replace', path: '', value: [] }], []],
    ['moves a value', { a: { b: 1 }, c: {} }, [{ op: 'move', from: '/a/b', path: '/c/d' }], { a: {}, c: { d: 1 } }],
    ['moves an element', { a: [1, 2, 3] }, [{ op: 'move', from: '/a/0', path: '/a/2' }], { a: [2, 3, 1] }],
    ['copies a value', { a: { b: 1 } }, [{ op: 'copy', from: '/a', path: '/c' }], { a: { b: 1 }, c: { b: 1 } }],
    [
      'tests a value',
      { a: [1, { b: null }] },
      [{ op: 'test', path: '/a', value: [1, { b: null }] }],
      { a: [1, { b: null }] },
    ],
    ['reads escapes', { '/': 1, '~1': 2 }, [{ op: 'remove', path: '/~01' }], { '/': 1 }],
    ['replaces by adding', { a: 1 }, [{ op: 'add', path: '/a', value: 2 }], { a: 2 }],
  ])('%s', (_, document, patch, wanted) => {
    const before = structuredClone(document);
    expect(applyPatch(document, patch)).toEqual(wanted);
    expect(document).toEqual(before);
  });

  test.each<[string, unknown, JsonPatch[number]]>([
    ['a member that is not there', { a: 1 }, { op: 'remove', path: '/b' }],
    ['the place of a member that is not there', { a: 1 }, { op: 'replace', path: '/b', value: 1 }],
    ['below a value that has no members', { a: 1 }, { op: 'add', path: '/a/b', value: 1 }],
    ['behind the end of a list', { a: [1] }, { op: 'add', path: '/a/2', value: 1 }],
    ['an index that is no number', { a: [1] }, { op: 'remove', path: '/a/01' }],
    ['a test that fails', { a: 1 }, { op: 'test', path: '/a', value: 2 }],
    ['a path without a slash', { a: 1 }, { op: 'add', path: 'a', value: 2 }],
    ['a value moved into itself', { a: { b: {} } }, { op: 'move', from: '/a', path: '/a/b/c' }],
    ['a move from nowhere', { a: 1 }, { op: 'move', path: '/b' }],
    ['a prototype', {}, { op: 'add', path: '/__proto__/polluted', value: 1 }],
    ['an inherited member', {}, { op: 'replace', path: '/constructor', value: 1 }],
    ['the whole document', { a: 1 }, { op: 'remove', path: '' }],
  ])('is refused for %s, with the number of the operation', (_, document, operation) => {
    expect(() => apply(document, { op: 'add', path: '/fine', value: 1 }, operation)).toThrow(
      expect.objectContaining({ code: 'patch_invalid', message: expect.stringContaining('operation 1') as string }),
    );
  });

  test('never does anything else, whatever it is', () => {
    const path = fc.oneof(
      fc.string(),
      fc.constantFrom('', '/', '/a', '/a/0', '/a/-', '/__proto__', '/constructor/prototype/x'),
    );
    const operation = fc.record({
      op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test'),
      path,
      from: path,
      value: fc.jsonValue(),
    });
    fc.assert(
      fc.property(fc.jsonValue(), fc.array(operation, { maxLength: 6 }), (document, patch) => {
        try {
          expect(applyPatch(document, patch as JsonPatch)).toBeDefined();
        } catch (error) {
          expect(error).toMatchObject({ code: 'patch_invalid' });
        }
        expect(Object.keys(Object.prototype)).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });
});
