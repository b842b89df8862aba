import { findPlaintextSecrets } from '@runner/secrets';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MASKED_FIELDS } from '../../src/masked-fields.ts';

const found = (connection: unknown, type = 'database/postgres'): string[] =>
  findPlaintextSecrets(connection, type).map(({ level, code, pointer }) => `${level} ${code} ${pointer}`);
const postgres = (password: unknown): unknown => ({ username: 'om', hostPort: 'db:5432', authType: { password } });
const PEM = '-----BEGIN PRIVATE KEY-----\nnot a real key\n-----END PRIVATE KEY-----\n';
const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nnot a real one\n-----END CERTIFICATE-----\n';

describe('a masked field', () => {
  it.each([undefined, null, '', '*********', '*', 'secret:my-db-password', 'secret:/my/database/password'])(
    'may hold %j',
    (password) => {
      expect(found(postgres(password))).toEqual([]);
    },
  );

  it.each([
    ['hunter2', 'plaintext_secret'],
    ['password', 'plaintext_secret'],
    [' ', 'plaintext_secret'],
    ['***x', 'plaintext_secret'],
    [12345, 'plaintext_secret'],
    [true, 'plaintext_secret'],
    [PEM, 'plaintext_pem'],
    ['Secret:x', 'reference_misspelt'],
    [' secret:x', 'reference_misspelt'],
    ['secret:', 'reference_malformed'],
    ['secret:secret:x', 'reference_malformed'],
    ['secret:x\n', 'reference_malformed'],
  ])('may not hold %j (%s)', (password, code) => {
    expect(found(postgres(password))).toEqual([`refuse ${code} /authType/password`]);
  });

  it('may not hide its value in an object or a list', () => {
    expect(found(postgres({ value: 'hunter2' }))).toEqual(['refuse plaintext_secret /authType/password/value']);
    expect(found(postgres(['hunter2', 'secret:x']))).toEqual(['refuse plaintext_secret /authType/password/0']);
  });

  it('is found below config, when the whole connection is given', () => {
    expect(found({ config: postgres('hunter2') })).toEqual(['refuse plaintext_secret /config/authType/password']);
  });

  it.each(['database/postgres', 'Postgres', 'postgres', 'DATABASE/POSTGRES'])('is known by the type %s', (type) => {
    expect(found({ sslConfig: { sslKey: 'x' } }, type)).toEqual(['refuse plaintext_secret /sslConfig/sslKey']);
  });

  it('of every type in the data is found', () => {
    for (const [type, pointers] of Object.entries(MASKED_FIELDS)) {
      for (const pointer of pointers) {
        const keys = pointer.slice(1).split('/');
        const connection = keys.reduceRight<unknown>((value, key) => ({ [key]: value }), 'hunter2');
        expect(found(connection, type)).toEqual([`refuse plaintext_secret ${pointer}`]);
        const reference = keys.reduceRight<unknown>((value, key) => ({ [key]: value }), 'secret:x');
        expect(found(reference, type)).toEqual([]);
      }
    }
  });
});

describe('a field that is not masked', () => {
  it('is warned about on a known type and refused on an unknown one when its name tells', () => {
    const connection = {
      apiKey: 'k',
      user_password: 'p',
      clientSecret: 's',
      sessionTokens: ['t'],
      'X-Auth-Token': 't',
    };
    const pointers = ['/apiKey', '/user_password', '/clientSecret', '/sessionTokens/0', '/X-Auth-Token'];
    expect(found(connection)).toEqual(pointers.map((pointer) => `warn plaintext_suspected ${pointer}`));
    expect(found(connection, 'CustomDatabase')).toEqual(
      pointers.map((pointer) => `refuse plaintext_suspected ${pointer}`),
    );
  });

  it.each([
    'sslpassword',
    'DBPASSWORD',
    'accesstoken',
    'clientsecret',
    'secretkey',
    'password2',
    'api_key_1',
    'tokens',
  ])('of the name %s tells, too', (name) => {
    expect(found({ [name]: 'value' }, 'CustomDatabase')).toEqual([`refuse plaintext_suspected /${name}`]);
  });

  it.each([
    'tokenUrl',
    'awsAccessKeyId',
    'privateKeyId',
    'key',
    'primaryKey',
    'secretName',
    'username',
    'compass',
    'keyFile',
    'monkey',
    'hotkey',
    'tokenizer',
    'sha256',
  ])('of the name %s tells nothing', (name) => {
    expect(found({ [name]: 'value' }, 'CustomDatabase')).toEqual([]);
  });

  it('has the name above it where its own says nothing', () => {
    expect(found({ apiKey: { value: 'k' }, nested: { value: 'v' } }, 'CustomDatabase')).toEqual([
      'refuse plaintext_suspected /apiKey/value',
    ]);
  });

  it('does not hold a credential when it holds a switch', () => {
    expect(found({ usePassword: true, token: false }, 'CustomDatabase')).toEqual([]);
  });

  it('may hold a reference only where nobody knows which fields are masked', () => {
    expect(found({ hostPort: 'secret:host' })).toEqual(['warn reference_not_masked /hostPort']);
    expect(found({ anything: 'secret:host' }, 'CustomDatabase')).toEqual([]);
  });

  it('is reported when a reference stands inside its text', () => {
    expect(found({ hostPort: 'db:5432?key=secret:x' })).toEqual(['warn reference_embedded /hostPort']);
    expect(found({ description: 'the secretary: someone' })).toEqual([]);
  });

  it('is reported when a password stands in its URL', () => {
    const url = 'postgresql://om:hunter2@db:5432/shop';
    expect(found({ hostPort: url })).toEqual(['warn plaintext_in_url /hostPort']);
    expect(found({ hostPort: url }, 'CustomDatabase')).toEqual(['refuse plaintext_in_url /hostPort']);
    expect(found({ hostPort: 'postgresql://om@db:5432/shop' }, 'CustomDatabase')).toEqual([]);
  });

  it('is refused with a private key in it, and with a certificate where masked fields are unknown', () => {
    expect(found({ note: PEM })).toEqual(['refuse plaintext_pem /note']);
    expect(found({ note: CERTIFICATE })).toEqual([]);
    expect(found({ note: CERTIFICATE }, 'CustomDatabase')).toEqual(['refuse plaintext_pem /note']);
  });
});

describe('findings', () => {
  it('never hold the value', () => {
    const mark = 'hunter2-and-more';
    const leaf = fc.constantFrom(mark, `Secret:${mark}`, `postgres://u:${mark}@h`, `secret:secret:${mark}`);
    const key = fc.constantFrom('authType', 'password', 'token', 'hostPort', 'config', '__proto__');
    const connection = fc.letrec((tie) => ({
      node: fc.oneof({ depthSize: 'small' }, leaf, fc.dictionary(key, tie('node')), fc.array(tie('node'))),
    })).node;
    fc.assert(
      fc.property(connection, fc.constantFrom('Postgres', 'CustomDatabase'), (value, type) => {
        expect(JSON.stringify(findPlaintextSecrets(value, type))).not.toContain(mark);
      }),
    );
  });

  it('come for any JSON without an error', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (value, type) => {
        expect(Array.isArray(findPlaintextSecrets(value, type))).toBe(true);
      }),
    );
  });

  it('are at most a hundred, and a nesting without end is one of them', () => {
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`token${index}Password`, 'x']));
    expect(found(many, 'CustomDatabase')).toHaveLength(100);
    const deep = Array.from({ length: 100_000 }).reduce<unknown>((value) => ({ a: value }), 'x');
    expect(findPlaintextSecrets(deep, 'Postgres')).toMatchObject([{ code: 'connection_too_deep', level: 'refuse' }]);
  });
});
