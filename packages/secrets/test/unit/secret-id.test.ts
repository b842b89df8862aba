import { SECRETS_MANAGERS, validateSecretId } from '@runner/secrets';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const codes = (provider: string, id: string): string[] => validateSecretId(provider, id).map((problem) => problem.code);

describe('the id of a secret', () => {
  it.each([
    ['kubernetes', 'my-db-password'],
    ['kubernetes', 'a.b-c.d'],
    ['aws', '/my/database/password'],
    ['managed-aws', '/collate/hybrid-ingestion-runner/db'],
    ['aws', 'name_with+all=the.signs@-'],
    ['aws-ssm', '/team/db/password'],
    ['managed-aws-ssm', 'flat-name'],
    ['aws-ssm', '/team/db/password:3'],
    ['aws-ssm', 'arn:aws:ssm:eu-west-1:123456789012:parameter/team/db'],
    ['azure-kv', 'Db-Password-1'],
    ['managed-azure-kv', 'x'],
    ['gcp', 'db_password-1'],
    ['openbao', '/team/db'],
    ['managed-openbao', 'team/db'],
    ['file', 'demo-db-password'],
    ['file', '/team/db.txt'],
    ['file', 'größe'],
    ['env', 'demo-db/password'],
  ])('fits %s: %s', (provider, id) => {
    expect(codes(provider, id)).toEqual([]);
  });

  it.each([
    ['kubernetes', '/collate/hybrid-ingestion-runner/x', 'secret_id_path'],
    ['kubernetes', 'a/b', 'secret_id_path'],
    ['kubernetes', 'UPPER', 'secret_id_characters'],
    ['kubernetes', '-x', 'secret_id_characters'],
    ['kubernetes', 'a..b', 'secret_id_characters'],
    ['kubernetes', 'x'.repeat(254), 'secret_id_characters'],
    ['kubernetes', 'under_score', 'secret_id_characters'],
    ['aws', 'arn:aws:secretsmanager:eu-west-1:123456789012:name-abc', 'secret_id_arn'],
    ['aws', 'a:b', 'secret_id_characters'],
    ['managed-aws', 'x'.repeat(513), 'secret_id_characters'],
    ['aws-ssm', 'team/db', 'secret_id_path'],
    ['aws-ssm', 'a+b', 'secret_id_characters'],
    ['azure-kv', '/a/b', 'secret_id_path'],
    ['azure-kv', 'under_score', 'secret_id_characters'],
    ['managed-azure-kv', 'x'.repeat(128), 'secret_id_characters'],
    ['gcp', 'projects/p/secrets/s', 'secret_id_path'],
    ['gcp', 'a.b', 'secret_id_characters'],
    ['openbao', 'a/../b', 'secret_id_traversal'],
    ['file', '../etc/passwd', 'secret_id_traversal'],
    ['file', '/..', 'secret_id_traversal'],
    ['file', 'a//b', 'secret_id_path'],
    ['file', 'a\\b', 'secret_id_characters'],
    ['file', 'ä'.repeat(128), 'secret_id_characters'],
    ['env', 'a b', 'secret_id_whitespace'],
    ['env', 'a=b', 'secret_id_characters'],
    ['gcp', '', 'secret_id_empty'],
    ['aws', 'a\nb', 'secret_id_control_character'],
    ['vault', 'x', 'secret_id_provider_unknown'],
    ['__proto__', 'x', 'secret_id_provider_unknown'],
  ])('does not fit %s: %j (%s)', (provider, id, code) => {
    expect(codes(provider, id)).toEqual([code]);
  });

  it.each(['db', 'noop', 'in-memory'])(
    'fits nothing under %s, which hands the reference on as the password',
    (provider) => {
      expect(codes(provider, 'any')).toEqual(['secret_id_provider_cannot_resolve']);
      expect(codes(provider, '')).toContain('secret_id_provider_cannot_resolve');
    },
  );

  it('of one kind is judged alike by a provider and its managed twin', () => {
    const twins = SECRETS_MANAGERS.filter((name) => name.startsWith('managed-'));
    expect(twins).toHaveLength(4);
    fc.assert(
      fc.property(fc.string(), fc.constantFrom(...twins), (id, twin) => {
        expect(validateSecretId(twin, id)).toEqual(validateSecretId(twin.slice('managed-'.length), id));
      }),
    );
  });

  it('is judged without an error and with a sentence, whatever it is and however long', () => {
    const anything = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom('a', '-', '.', '/') }));
    fc.assert(
      fc.property(anything, fc.constantFrom(...SECRETS_MANAGERS), (id, provider) => {
        for (const problem of validateSecretId(provider, id)) expect(problem.message).not.toBe('');
      }),
    );
    for (const provider of SECRETS_MANAGERS) {
      expect(validateSecretId(provider, `${'a-'.repeat(50_000)}!`)).not.toEqual([]);
    }
  });
});
