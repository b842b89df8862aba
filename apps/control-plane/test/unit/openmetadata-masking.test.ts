import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MASK, keepMasked, maskConnection } from '../../src/openmetadata/masking.ts';

const SECRET = 'hunter2-in-the-clear';

describe('a shown connection', () => {
  test('has asterisks for plain text and shows references', () => {
    const config = {
      hostPort: 'db:5432',
      username: 'om',
      authType: { password: SECRET },
      sslConfig: { caCertificate: 'secret:ca' },
    };
    expect(maskConnection(config, 'Postgres')).toEqual({
      ...config,
      authType: { password: MASK },
    });
    expect(maskConnection({ authType: { password: 'secret:x' } }, 'Postgres')).toEqual({
      authType: { password: 'secret:x' },
    });
    expect(maskConnection(undefined, 'Postgres')).toBeUndefined();
  });

  test('hides plain text in more places than one look finds', () => {
    const many = Object.fromEntries(Array.from({ length: 350 }, (_, n) => [`x${n}Password`, `${SECRET}${n}`]));
    expect(JSON.stringify(maskConnection(many, 'Unheard'))).not.toContain(SECRET);
  });

  test('is hidden as a whole where no single place can be', () => {
    const long = 'k'.repeat(600);
    expect(JSON.stringify(maskConnection({ [long]: { password: SECRET } }, 'Unheard'))).not.toContain(SECRET);
    let deep: unknown = { password: SECRET };
    for (let level = 0; level < 80; level += 1) deep = { deeper: deep };
    expect(JSON.stringify(maskConnection(deep, 'Unheard'))).not.toContain(SECRET);
  });

  const key = fc.oneof(
    fc.constantFrom('password', 'a/b', '~', 'apiKey', 'clientSecret', 'config', '0', ''),
    fc.string(),
  );
  const tree = fc.letrec((tie) => ({
    node: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(SECRET, 'secret:x', '', '***', null, 5, true),
      fc.array(tie('node'), { maxLength: 4 }),
      fc.dictionary(key, tie('node'), { maxKeys: 4 }),
    ),
  })).node;

  test('never shows what stands in a field that holds a credential', () => {
    fc.assert(
      fc.property(tree, fc.constantFrom('Postgres', 'Unheard', ''), (config, type) => {
        const shown = maskConnection({ around: config, authType: { password: SECRET } }, type);
        const credentials: unknown[] = [];
        const visit = (value: unknown, name: string): void => {
          if (typeof value === 'object' && value !== null) {
            for (const [each, item] of Object.entries(value)) visit(item, Array.isArray(value) ? name : each);
          } else if (['password', 'apiKey', 'clientSecret'].includes(name)) credentials.push(value);
        };
        visit(shown, '');
        expect(credentials).not.toContain(SECRET);
      }),
      { numRuns: 1_000 },
    );
  });

  test('sent back unchanged means what is stored', () => {
    fc.assert(
      fc.property(tree, (config) => {
        const stored = { around: config, authType: { password: SECRET } };
        const shown = maskConnection(stored, 'Postgres');
        if (JSON.stringify(stored).includes('***')) return;
        expect(keepMasked(shown, stored, '')).toEqual(stored);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('a masked value that is sent', () => {
  test('keeps what is stored at its place, in lists too, and everything else is new', () => {
    const stored = { a: { password: 'secret:one' }, list: [{ key: 'secret:two' }], user: 'old' };
    const incoming = { a: { password: '*' }, list: [{ key: '*****' }, { key: 'secret:three' }], user: 'new' };
    expect(keepMasked(incoming, stored, '')).toEqual({
      a: { password: 'secret:one' },
      list: [{ key: 'secret:two' }, { key: 'secret:three' }],
      user: 'new',
    });
  });

  test('where nothing is stored is refused with its place', () => {
    const incoming = { 'a/b': [{ password: '***' }] };
    expect(() => keepMasked(incoming, { other: 1 }, '/connection/config')).toThrow(
      expect.objectContaining({
        code: 'masked_value',
        details: { errors: [expect.objectContaining({ pointer: '/connection/config/a~1b/0/password' })] },
      }),
    );
    expect(() => keepMasked({ constructor: '***' }, {}, '')).toThrow(expect.objectContaining({ code: 'masked_value' }));
  });
});
