import { PassThrough } from 'node:stream';
import { inspect } from 'node:util';
import { testClock, testRandom } from '@runner/core/testing';
import { Secret, isRunnerError } from '@runner/core';
import {
  SECRETS_MANAGERS,
  createSecretResolver,
  findPlaintextSecrets,
  findSecretReferences,
  parseSecretReference,
  secretText,
  validateSecretId,
} from '@runner/secrets';
import { createRedactor } from '@runner/secrets/exec';
import { createMemoryProvider } from '@runner/secrets/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolveEnvironment } from '../../src/exec/environment.ts';
import { acceptRegistrations } from '../../src/exec/registration.ts';

const about = { provider: 'memory', id: 'db' };
const resolverOf = (values: Record<string, string | Uint8Array>) => {
  const provider = createMemoryProvider(values);
  return { provider, resolver: createSecretResolver({ provider, clock: testClock(), random: testRandom() }) };
};

describe('a bad reference', () => {
  /** What stands in a masked field, why it is refused, and what the stores would have to say. */
  const ROWS: readonly (readonly [what: string, reference: string, problem: string])[] = [
    ['nothing behind the prefix', 'secret:', 'secret_id_empty'],
    ['a blank', 'secret: db', 'secret_id_whitespace'],
    ['a tab in the middle', 'secret:a\tb', 'secret_id_control_character'],
    ['a no-break space', 'secret:a\u00a0b', 'secret_id_whitespace'],
    ['a prefix twice', 'secret:secret:db', 'secret_id_prefix_repeated'],
    ['a prefix in the middle', 'secret:a-secret:b', 'secret_id_prefix_repeated'],
    ['an id of 4 KiB', `secret:${'a'.repeat(4_096)}`, 'secret_id_too_long'],
    ['an id of 4 KiB in letters of four bytes', `secret:${'𝒳'.repeat(1_025)}`, 'secret_id_too_long'],
    ['a line break', 'secret:db\n', 'secret_id_control_character'],
    ['a carriage return', 'secret:db\r', 'secret_id_control_character'],
    ['a NUL', 'secret:db\0x', 'secret_id_control_character'],
    ['a zero-width blank', 'secret:d\u200bb', 'secret_id_invisible_character'],
    ['a right-to-left override', 'secret:\u202edb', 'secret_id_invisible_character'],
    ['half of a character', 'secret:\ud83d', 'secret_id_invisible_character'],
    ['a byte order mark', 'secret:\ufeffdb', 'secret_id_invisible_character'],
  ];

  it.each(ROWS)('with %s is refused before any store is asked', async (_what, reference, problem) => {
    expect(parseSecretReference(reference)?.problems.map(({ code }) => code)).toContain(problem);
    const { provider, resolver } = resolverOf({});
    const error: unknown = await resolver.resolve(reference).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'secret_malformed_id', retryable: false });
    expect((error as Error).message.length).toBeLessThan(1_000);
    expect(provider.calls).toEqual([]);
    for (const type of ['Mssql', 'CustomDatabase']) {
      expect(findPlaintextSecrets({ password: reference }, type)).toMatchObject([
        { code: 'reference_malformed', level: 'refuse', pointer: '/password' },
      ]);
    }
  });

  it.each([
    '../db',
    '..',
    'a/../../b',
    '/../etc/passwd',
    './db',
    'a/..',
    '..\\db',
    '%2e%2e/db',
    'a/%2e%2e%2fb',
    '..%00',
    '~/db',
    '//host/share',
    'C:\\db',
    'file:///etc/passwd',
  ])('with the path %j reaches no file, no sub-resource and no other secret', (id) => {
    for (const name of ['kubernetes', 'azure-kv', 'gcp', 'env']) expect(validateSecretId(name, id)).not.toEqual([]);
    // A folder may have files of strange names; where it ends is the matter of file-provider.test.ts.
    const escapes = id.split(/[/\\]/).some((part) => part === '..' || part === '.') || id.includes('//');
    if (escapes) expect(validateSecretId('file', id)).not.toEqual([]);
  });

  const SHAPES: Readonly<Record<string, readonly string[]>> = {
    kubernetes: ['db-password'],
    aws: ['/team/db/password', 'team_db+x=1@y'],
    'aws-ssm': ['/team/db/password', 'arn:aws:ssm:eu-west-1:123456789012:parameter/team/db'],
    'azure-kv': ['Db-Password'],
    gcp: ['db_password'],
    openbao: ['team/db'],
  };
  /** An id in the shape of one store that another cannot have. */
  const FOREIGN: readonly (readonly [shape: string, id: string, store: string])[] = [
    ['aws', '/team/db/password', 'kubernetes'],
    ['aws', '/team/db/password', 'azure-kv'],
    ['aws', '/team/db/password', 'gcp'],
    ['aws', 'team_db+x=1@y', 'kubernetes'],
    ['aws', 'team_db+x=1@y', 'azure-kv'],
    ['aws', 'team_db+x=1@y', 'gcp'],
    ['aws-ssm', 'arn:aws:ssm:eu-west-1:123456789012:parameter/team/db', 'aws'],
    ['aws-ssm', 'arn:aws:ssm:eu-west-1:123456789012:parameter/team/db', 'kubernetes'],
    ['azure-kv', 'Db-Password', 'kubernetes'],
    ['gcp', 'db_password', 'kubernetes'],
    ['gcp', 'db_password', 'azure-kv'],
    ['gcp', 'projects/p/secrets/s/versions/latest', 'gcp'],
    ['azure-kv', 'https://v.vault.azure.net/secrets/db', 'azure-kv'],
    ['openbao', 'team/db', 'kubernetes'],
    ['openbao', 'team/db', 'aws-ssm'],
  ];
  it.each(FOREIGN)('in the shape of %s, %s, is refused for %s with what to write instead', (_shape, id, store) => {
    const [problem] = validateSecretId(store, id);
    expect(problem?.message).toBeTruthy();
    expect(problem?.hint ?? problem?.message).toBeTruthy();
  });
  it.each(Object.entries(SHAPES))('is not one in the own shape of %s: %j', (store, ids) => {
    for (const id of ids) expect(validateSecretId(store, id)).toEqual([]);
  });
});

describe('a strange value', () => {
  it('that is a reference itself is given as it is, with a warning, and not followed', async () => {
    const { provider, resolver } = resolverOf({ a: 'secret:b', b: 'the other value' });
    expect((await resolver.resolve('secret:a')).reveal()).toBe('secret:b');
    expect(provider.calls).toEqual(['a']);
    const resolved = await resolver.resolveConfig({ password: 'secret:a' });
    expect(resolved.reveal()).toEqual({ password: 'secret:b' });
    expect(secretText('secret:b', about).warnings.map(({ code }) => code)).toEqual(['value_is_reference']);
  });

  it.each([
    ['64 KiB', 65_536],
    ['10 MB', 10_000_000],
  ])('of %s is given whole', async (_size, bytes) => {
    const value = 'v'.repeat(bytes);
    const { resolver } = resolverOf({ big: Buffer.from(value) });
    expect((await resolver.resolve('secret:big')).reveal() === value).toBe(true);
    const json = `{"key":"${value}"}`;
    expect(secretText(json, about).value.reveal().length).toBe(json.length);
  });

  it('of 64 KiB is redacted whole, and as far as it is printed', () => {
    const value = Buffer.from(Array.from({ length: 49_152 }, (_, index) => (index * 7_919) % 251)).toString('base64');
    const redactor = createRedactor([value]);
    const out = [redactor.push(Buffer.from(`<${value}> <${value.slice(0, 30_000)}>`)), redactor.end()];
    expect(Buffer.concat(out).toString()).toBe('<[redacted]> <[redacted]>');
  });

  it.each<readonly [string, readonly number[]]>([
    ['a lone continuation', [0x80]],
    ['a cut sequence', [0x61, 0xc3]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['beyond Unicode', [0xf4, 0x90, 0x80, 0x80]],
    ['UTF-16 with its mark', [0xff, 0xfe, 0x61, 0x00]],
  ])('that is no UTF-8 (%s) is refused, not repaired', async (_what, bytes) => {
    const { resolver } = resolverOf({ db: Uint8Array.from(bytes) });
    await expect(resolver.resolve('secret:db')).rejects.toMatchObject({ code: 'secret_binary' });
  });

  it('with zero bytes is text like any other, but no environment variable', async () => {
    const { resolver } = resolverOf({ db: 'a\0b' });
    expect((await resolver.resolve('secret:db')).reveal()).toBe('a\0b');
    const { signal } = new AbortController();
    expect(await resolveEnvironment({ DB: 'secret:db' }, resolver, signal)).toMatchObject({
      ok: false,
      failures: [{ place: 'DB', error: { code: 'secret_binary' } }],
    });
  });

  it('that is a common word is redacted everywhere, or on lines of its own when it is short', () => {
    const log = 'user root reads public\nroot\nPASSWORD=root\npublic: yes\n';
    const redactor = createRedactor(['root', 'public']);
    const out = Buffer.concat([redactor.push(Buffer.from(log)), redactor.end()]).toString();
    expect(out).toBe('user root reads [redacted]\n[redacted]\nPASSWORD=[redacted]\n[redacted]: yes\n');
  });

  it('never comes out of a Secret by accident', () => {
    const secret = new Secret('hunter2-and-more');
    for (const text of [String(secret), JSON.stringify({ secret }), inspect(secret, { showHidden: true })]) {
      expect(text).not.toContain('hunter2');
    }
  });
});

describe('anything at all', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc.string().map((inner) => `{"password":"secret:${inner}"`),
    fc.string({ unit: fc.constantFrom('secret:', '"', '{', '}', '\\', 'x', ':', ',', '\n', '\0') }),
  );

  it('as a reference is an id, a refusal, or plain text, the same for every reader', () => {
    fc.assert(
      fc.property(text, (value) => {
        const reference = parseSecretReference(value);
        expect(reference !== undefined).toBe(value.startsWith('secret:'));
        expect(findSecretReferences({ a: [value] })).toHaveLength(reference === undefined ? 0 : 1);
        for (const name of SECRETS_MANAGERS) expect(Array.isArray(validateSecretId(name, value))).toBe(true);
        const refused = findPlaintextSecrets({ password: value }, 'Mssql').some(({ level }) => level === 'refuse');
        const harmless = value === '' || /^\*+$/.test(value);
        expect(refused).toBe(!harmless && reference?.problems.length !== 0);
      }),
      { numRuns: 500 },
    );
  });

  it('as the config of a program is resolved, passed on unread, or refused with an error of ours', async () => {
    await fc.assert(
      fc.asyncProperty(text, async (config) => {
        const { resolver } = resolverOf({});
        const { signal } = new AbortController();
        const result = await resolveEnvironment({ config }, resolver, signal);
        if (!config.includes('secret:'))
          expect(result).toMatchObject({ ok: true, resolved: { environment: { config } } });
        else if (!result.ok) {
          for (const { error } of result.failures) expect(isRunnerError(error)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('on the descriptor of registrations ends nothing, and values told between it are known', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 5 }), fc.nat(50), async (noise, cut) => {
        const channel = new PassThrough();
        const answers: string[] = [];
        channel.write = ((chunk: string) => {
          answers.push(chunk);
          return true;
        }) as typeof channel.write;
        const known: string[] = [];
        acceptRegistrations(channel, (values) => known.push(...values));
        const lines = [...noise.map((line) => line.replaceAll('\n', ' ')), JSON.stringify({ values: ['told'] })];
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        channel.emit('data', bytes.subarray(0, cut));
        channel.emit('data', bytes.subarray(cut));
        await Promise.resolve();
        expect(known.at(-1)).toBe('told');
        expect(answers).toHaveLength(lines.length);
      }),
    );
  });
});
