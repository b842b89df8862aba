import type { SecretSelection } from '@runner/secrets';
import { SELECTOR_NAMES, formatSelection, parseSelection } from '@runner/secrets';
import { Secret, isRunnerError } from '@runner/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pickFromJson } from '../../src/selectors/json-key.ts';

const id = fc.stringMatching(/^[A-Za-z0-9/_+=.@-]{1,40}$/);
const value = fc.string({ minLength: 1, unit: 'grapheme' });
const selection: fc.Arbitrary<SecretSelection> = fc
  .dictionary(fc.constantFrom(...SELECTOR_NAMES), value)
  .map((entries) => ({ ...entries }));

describe('selectors of an id', () => {
  it('are read as they were written, whatever the values hold', () => {
    fc.assert(
      fc.property(id, selection, (bare, wanted) => {
        expect(parseSelection(formatSelection(bare, wanted), SELECTOR_NAMES)).toEqual({
          id: bare,
          selection: wanted,
          problems: [],
        });
      }),
    );
  });

  it('never make the parser throw, and a problem leaves no selection behind', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.constantFrom('#', '#json=', '#&', '#=%'), (text, middle) => {
        const { selection: found, problems } = parseSelection(`x${middle}${text}`, SELECTOR_NAMES);
        if (problems.length > 0) expect(found).toEqual({});
        for (const problem of problems) expect(problem.code).toBe('secret_id_selector');
      }),
    );
  });

  it.each([
    'x#',
    'x#json',
    'x#json=',
    'x#json=%',
    'x#json=%zz',
    'x#json=a#b',
    'x#other=1',
    'x#json=a&json=b',
    'x#&',
    'x#__proto__=1',
  ])('are refused in %j', (text) => {
    expect(parseSelection(text, SELECTOR_NAMES).problems).toHaveLength(1);
  });

  it('of another store are refused', () => {
    expect(parseSelection('x#key=a', ['json', 'version']).problems).toHaveLength(1);
  });
});

describe('a key of a JSON document', () => {
  const about = { provider: 'aws', id: 'db', location: 'memory' };
  const pick = (text: string, key: string): string => {
    try {
      return pickFromJson(new Secret(text), key, about);
    } catch (error) {
      if (!isRunnerError(error)) throw error;
      expect(JSON.stringify(error)).not.toContain('hidden');
      return error.code;
    }
  };

  it.each([
    ['{"user":"u","password":"p"}', 'password', 'p'],
    ['{"port":5432,"tls":true}', 'port', '5432'],
    ['{"port":5432,"tls":true}', 'tls', 'true'],
    ['{"a":{"b/c":["x","y"]}}', '/a/b~1c/1', 'y'],
    ['{"a.b":"dots"}', 'a.b', 'dots'],
    ['{"":"empty name"}', '/', 'empty name'],
    ['{"a":null}', 'a', 'secret_empty'],
    ['{"a":{"hidden":1}}', 'a', 'secret_key_missing'],
    ['{"a":"hidden"}', 'b', 'secret_key_missing'],
    ['{"a":"hidden"}', '__proto__', 'secret_key_missing'],
    ['["hidden"]', 'length', 'secret_key_missing'],
    ['"hidden"', 'a', 'secret_key_missing'],
    ['{"hidden', 'a', 'secret_key_missing'],
    ['null', 'a', 'secret_key_missing'],
  ])('of %s: %s is %s', (text, key, wanted) => {
    expect(pick(text, key)).toBe(wanted);
  });

  it('is a text or an error of ours, whatever the document', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string({ unit: 'binary' })), fc.string(), (text, key) => {
        expect(typeof pick(text, key)).toBe('string');
      }),
    );
  });
});
