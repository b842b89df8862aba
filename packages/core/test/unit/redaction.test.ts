import { redactText } from '@runner/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/** Made-up values in the shapes of credentials; nothing outside of this file knows them. */
const MADE_UP = 'hunter2-made-up';
const LONG = 'a1b2c3d4'.repeat(5);

describe('values of keys that are named like a secret', () => {
  it.each([
    `client_secret=${MADE_UP}`,
    `DB_PASSWORD=${MADE_UP}`,
    `DB_PASS=${MADE_UP}`,
    `access_token=${MADE_UP}`,
    `AWS_SESSION_TOKEN=${MADE_UP}`,
    `"clientSecret": "${MADE_UP}"`,
    `'clientSecret': '${MADE_UP}'`,
    `secretAccessKey=${MADE_UP}`,
    `AccountName=shop;AccountKey=${MADE_UP};EndpointSuffix=x`,
    `Endpoint=sb://x/;SharedAccessKeyName=Root;SharedAccessKey=${MADE_UP}=`,
    `X-Api-Key: ${MADE_UP}`,
    `spring.datasource.password = ${MADE_UP}`,
    `my_secret:${MADE_UP}`,
    `credentials="${MADE_UP}"`,
    `password=SecretStr('${MADE_UP}')`,
    `password=b'${MADE_UP}'`,
    `password: str = "${MADE_UP}"`,
    `password => '${MADE_UP}'`,
    `{"password1":"${MADE_UP}"}`,
    `password:\n  ${MADE_UP}`,
    `password="two words ${MADE_UP}, and no end`,
    `password='it''s ${MADE_UP}'`,
    `password="a"${MADE_UP}`,
    String.raw`{"password":"say \"${MADE_UP}","user":"a"}`,
    String.raw`{"password":"\\\"${MADE_UP}","user":"a"}`,
    String.raw`{'password': 'it\'s ${MADE_UP}', 'user': 'a'}`,
    String.raw`"{\"password\": \"say \\\"${MADE_UP}\", \"user\": 1}"`,
  ])('are removed from %s', (text) => {
    const out = redactText(`before ${text}\nafter`);
    expect(out).toContain('[redacted]');
    expect(out).not.toContain(MADE_UP);
    expect(out).toMatch(/^before [\s\S]*\nafter$/);
  });

  it('leave the fields beside them as they are', () => {
    expect(redactText(`{"password": "${MADE_UP}", "user": "om"}`)).toBe('{"password": [redacted], "user": "om"}');
    expect(redactText(`{'dsn': 'password=${MADE_UP}', 'host': 'x'}`)).toBe(
      `{'dsn': 'password=[redacted]', 'host': 'x'}`,
    );
    expect(redactText(String.raw`"{\"password\": \"${MADE_UP}\", \"user\": 1}"`)).toBe(
      String.raw`"{\"password\": [redacted], \"user\": 1}"`,
    );
  });

  it.each([
    'secret:my-db-password',
    'password: secret:demo-db-password',
    '"password": "secret:/a/b"',
    'arn:aws:secretsmanager:eu-west-1:1:secret:/collate/my-token',
    'runner-secrets: secret:my-db-password: secret_unreachable: it cannot be reached',
    'Getting secret value for my-db-password',
    "Secret wrong-key exists but has no 'value' key",
    'password authentication failed for user "om"',
    'fe_sendauth: no password supplied',
    'token expired',
    'Invalid token: expired',
    'password=None, host=db',
    "password='**********'",
    'secrets manager: kubernetes',
    'secretsManagerProvider: kubernetes',
    'max_tokens=100',
    '{"total_tokens": 5234}',
    'tokenizer=bert-base',
    'token_count=300',
    'token_url=https://login.example/',
    'secret_name=my-db-password',
    'password_file=/run/secrets/db',
    'primary_key: order_id',
    'bypass: nothing',
    'credentials:\n  type: basic\n',
  ])('stay when they are none: %s', (text) => {
    expect(redactText(text)).toBe(text);
  });
});

describe('Authorization headers', () => {
  it.each([
    [`Authorization: Token ${LONG}`, 'Authorization: Token [redacted]'],
    [`"Authorization": "ApiKey ${LONG}"`, '"Authorization": "ApiKey [redacted]"'],
    [`{'authorization': 'Basic ${LONG}'}`, "{'authorization': 'Basic [redacted]'}"],
    [`Proxy-Authorization: ${LONG}`, 'Proxy-Authorization: [redacted]'],
    [`curl -H "Authorization: SSWS ${LONG}" https://x/`, 'curl -H "Authorization: SSWS [redacted]" https://x/'],
    [
      `Authorization: Digest username="x", realm="a b", response="${LONG}" sent`,
      'Authorization: Digest [redacted] sent',
    ],
  ])('lose what follows the scheme: %s', (text, expected) => {
    expect(redactText(text)).toBe(expected);
  });

  it('are told from prose', () => {
    const text = 'Authorization: refused by host, see the log';
    expect(redactText(text)).toBe(text);
  });
});

describe('URLs', () => {
  it.each([
    ['postgres://u:pa/ss@h/db', 'postgres://u:[redacted]@h/db'],
    ['postgres://u:p@ss@h/db', 'postgres://u:[redacted]@h/db'],
    ['redis://:pa:ss@h', 'redis://:[redacted]@h'],
    ['"postgres://u:pass@h","me@x"', '"postgres://u:[redacted]@h","me@x"'],
    ['a://u:p1@h b://u:p2@h', 'a://u:[redacted]@h b://u:[redacted]@h'],
    ['http://om:8585/api/v1/users?email=a@b.c', 'http://om:8585/api/v1/users?email=a@b.c'],
    ['http://om:8585', 'http://om:8585'],
    [`https://x/?sv=1&sig=${LONG}%3D&se=2`, 'https://x/?sv=1&sig=[redacted]&se=2'],
    [`https://x/?X-Amz-Signature=${LONG}&y=2`, 'https://x/?X-Amz-Signature=[redacted]&y=2'],
  ])('lose passwords and signatures only: %s', (text, expected) => {
    expect(redactText(text)).toBe(expected);
  });
});

describe('tokens that tell their vendor', () => {
  it.each(['ghp_', 'gho_', 'github_pat_', 'glpat-', 'xoxb-', 'dapi', 'ya29.', 'AIza'])('%s…', (prefix) => {
    expect(redactText(`used _${prefix}${LONG}, refused`)).toBe('used _[redacted], refused');
  });

  it('and key ids of AWS', () => {
    expect(redactText(`ASIA${'A'.repeat(16)} AKIA${'B'.repeat(16)}`)).toBe('[redacted] [redacted]');
  });
});

describe('any text', () => {
  const part = fc.oneof(
    fc.constantFrom('password', 'client_secret', 'token', 'apiKey', 'Authorization', 'Bearer ', '://u', 'secret:'),
    fc.constantFrom('=', ': ', ':', '"', "'", '\\"', '\\', '\n', ' ', '@', '/', '[redacted]', ',', 'b', '('),
    fc.stringMatching(/^[a-z0-9]{1,12}$/),
  );

  it('is not changed by redacting it a second time', () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
        const once = redactText(parts.join(''));
        expect(redactText(once)).toBe(once);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each(['Authorization=[redacted]password://u', String.raw`Authorization: pwd=\"password\"=0aa`])(
    'is redacted to its end where a mark makes another word of it: %s',
    (text) => {
      expect(redactText(redactText(text))).toBe(redactText(text));
    },
  );

  it('is redacted in a time that grows with its length only', () => {
    const units = ['password=', 'password="', "password='", 'password="\\', 'a', '@', 'a://b:', 'a://b:1/', 'token:\n'];
    const more = ['eyJ', 'ghp_', 'authorization: x ', 'Authorization: x y=",', 'secret:', '"', '\\', ' ', "''"];
    const hostile = [...units, ...more].flatMap((unit) =>
      ['', 'password="', 'u://x:'].map((head) => head + unit.repeat(1_000_000 / unit.length)),
    );
    for (const text of hostile) {
      const start = performance.now();
      redactText(text);
      // What grows with the square takes minutes here.
      expect(performance.now() - start, text.slice(0, 30)).toBeLessThan(3_000);
    }
  }, 60_000);
});
