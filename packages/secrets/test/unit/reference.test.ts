import { isNearReference, isSecretReference, parseSecretReference, requireSecretId } from '@runner/secrets';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const codes = (value: string): string[] => (parseSecretReference(value)?.problems ?? []).map((problem) => problem.code);

describe('a secret reference', () => {
  it.each([
    ['secret:demo-db-password', 'demo-db-password'],
    ['secret:/my/database/password', '/my/database/password'],
    ['secret:secret:x', 'x'],
    ['secret:my-secret:thing', 'my-thing'],
    ['secret:', ''],
    ['secret: x', ' x'],
  ])('%j has the id that the library reads: %j', (value, id) => {
    expect(parseSecretReference(value)?.id).toBe(id);
  });

  it.each(['Secret:x', ' secret:x', 'secret', 'SECRET:x', '', 'x secret:y', 7, null, undefined, {}])(
    'is not what %j is',
    (value) => {
      expect(parseSecretReference(value)).toBeUndefined();
      expect(isSecretReference(value)).toBe(false);
    },
  );

  it.each([
    ['secret:', ['secret_id_empty']],
    ['secret: x', ['secret_id_whitespace']],
    ['secret:x\n', ['secret_id_control_character']],
    ['secret:x\0y', ['secret_id_control_character']],
    ['secret:x\u200b', ['secret_id_invisible_character']],
    ['secret:x\u202etxt', ['secret_id_invisible_character']],
    ['secret:\ud800', ['secret_id_invisible_character']],
    ['secret:secret:x', ['secret_id_prefix_repeated']],
    ['secret:secret:', ['secret_id_prefix_repeated', 'secret_id_empty']],
    [`secret:${'x'.repeat(4_096)}`, ['secret_id_too_long']],
    ['secret:Größe', []],
    ['secret:/collate/hybrid-ingestion-runner/x', []],
  ])('%j has the problems %j', (value, expected) => {
    expect(codes(value)).toEqual(expected);
  });

  it('is read as the library reads it, whatever it holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.array(fc.constant('secret:')), (text, prefixes) => {
        const value = `secret:${prefixes.join('')}${text}`;
        expect(parseSecretReference(value)?.id).toBe(value.split('secret:').join(''));
      }),
    );
  });

  it('is parsed without an error for any text, and refused exactly when it has problems', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const reference = parseSecretReference(`secret:${text}`);
        const refused = (() => {
          try {
            requireSecretId(`secret:${text}`);
            return false;
          } catch (error) {
            return (error as { code: string }).code === 'secret_malformed_id';
          }
        })();
        expect(refused).toBe((reference?.problems.length ?? 0) > 0);
      }),
    );
  });

  it('shows no control character of a malformed id in its error', () => {
    expect(() => requireSecretId('secret:a\u001b[31m\nb')).toThrow(/^[\x20-\x7e]*$/);
  });

  it.each(['Secret:x', ' secret:x', '"secret:x"', 'secret :x', 'SECRET:x'])('is what %j was meant to be', (value) => {
    expect(isNearReference(value)).toBe(true);
  });

  it.each(['secret:x', 'secretary:x', 'the secret: x', 'hunter2'])('is not what %j was meant to be', (value) => {
    expect(isNearReference(value)).toBe(false);
  });
});
