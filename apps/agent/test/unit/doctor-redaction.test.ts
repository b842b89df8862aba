import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VARIABLES, parseConfig } from '@runner/agent/config';
import { byAge, configurationOf, withoutConfig } from '../../src/doctor/bundle.ts';
import { redactedJson, redactor } from '../../src/doctor/redaction.ts';
import { runOf } from '../doctor.ts';
import { testToken } from '../tokens.ts';

const none = (): string => '';
const mark = fc.stringMatching(/^[A-Za-z0-9+=_-]{8,24}$/);
const secretNames = Object.entries(VARIABLES).flatMap(([name, variable]) =>
  'sensitive' in variable && variable.sensitive && !name.startsWith('SECRETS_PREFLIGHT') ? [name] : [],
);

describe('what doctor prints', () => {
  it('holds no value of a secret variable, whatever it is and wherever it turns up', () => {
    fc.assert(
      fc.property(fc.constantFrom(...secretNames, 'AWS_SECRET_ACCESS_KEY', 'DB_PASSWORD'), mark, (name, value) => {
        const redact = redactor({ [name]: value }, undefined, none);
        const texts = [value, `before ${value} after`, `x${value}y`, JSON.stringify({ deep: [value] })];
        for (const text of texts) expect(redact(text)).not.toContain(value);
      }),
    );
  });

  it('holds no password of a proxy, be it as it was written, decoded or as a header', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 6, maxLength: 20, unit: 'grapheme-ascii' }).filter((text) => /^\S+$/.test(text)),
        (password) => {
          const proxy = `http://user:${encodeURIComponent(password)}@proxy.example.test:3128`;
          const env = {
            AUTH_TOKEN: testToken({}),
            SERVER_URL: 'wss://x.example.test',
            HTTPS_PROXY: proxy,
            EXECUTOR_TYPE: 'local',
            LOCAL_EXECUTOR_DIR: '/x',
          };
          const result = parseConfig(env, none, 0);
          if (!result.ok) throw new Error(JSON.stringify(result.problems));
          const header = Buffer.from(`user:${password}`).toString('base64');
          const redact = redactor(env, result.config, none);
          for (const form of [password, encodeURIComponent(password), header]) {
            expect(redact(`the proxy said: ${form}`)).not.toContain(form);
          }
        },
      ),
    );
  });

  it('holds nothing that stands in the file of a secret variable', () => {
    const redact = redactor({ AUTH_TOKEN_FILE: '/token' }, undefined, () => 'not-a-real-token\n');
    expect(redact('it was not-a-real-token.')).toBe('it was [redacted].');
  });

  it('holds no value of an extra variable that may be secret, and stays readable where it is a plain word', () => {
    const env = {
      AUTH_TOKEN: testToken({}),
      SERVER_URL: 'wss://x.example.test',
      EXECUTOR_TYPE: 'local',
      LOCAL_EXECUTOR_DIR: '/x',
    };
    const extra = '[SHOP:not-a-real-password,STAGE:production,AWS_REGION:eu-west-1,DB_PASSWORD:plainword]';
    const result = parseConfig({ ...env, INGESTION_EXTRA_ENVS: extra }, none, 0);
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    const redact = redactor({}, result.config, none);
    expect(redact('not-a-real-password in production in eu-west-1')).toBe('[redacted] in production in eu-west-1');
    expect(redact('it is plainword')).toBe('it is [redacted]');
  });

  it('holds no value as it stands in a line of JSON', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8, maxLength: 24, unit: 'grapheme-ascii' }), (text) => {
        const value = text.trim();
        fc.pre(value.length >= 8 && !value.startsWith('secret:'));
        const redact = redactor({ DB_PASSWORD: value }, undefined, none);
        const inside = JSON.stringify(value).slice(1, -1);
        expect(redact(JSON.stringify({ msg: `it was ${value}.` }))).not.toContain(inside);
      }),
    );
  });

  it.each(['DB_PASS', 'LDAP_PWD', 'SHOP_APIKEY', 'KEY_PASSPHRASE'])('takes %s for a secret', (name) => {
    expect(redactor({ [name]: 'plain-looking' }, undefined, none)('it is plain-looking')).toBe('it is [redacted]');
  });

  it('keeps references, paths and short words', () => {
    const env = { SECRETS_PREFLIGHT_REF: 'secret:shop-db', AUTH_TOKEN_FILE: '/run/secrets/token', DB_PASSWORD: 'a' };
    const redact = redactor(env, undefined, none);
    expect(redact('secret:shop-db at /run/secrets/token, a word')).toBe('secret:shop-db at /run/secrets/token, a word');
  });

  it.each([[['--json']], [[]], [['--bundle', '-']]])(
    'of a configuration that is wrong, too (%j)',
    async (argv) => {
      const marks: Record<string, string> = Object.fromEntries(
        secretNames.map((name, index) => [name, `not-a-real-secret-${index}`]),
      );
      const { code, output, errors } = await runOf({ ...marks, SECRETS_PREFLIGHT_REF: 'not-a-real-reference' }, argv);
      expect(code).toBe(78);
      expect(output + errors).not.toContain('not-a-real');
      expect(output).toContain('AUTH_TOKEN');
    },
    30_000,
  );

  it('is redacted to its keys', () => {
    expect(redactedJson({ 'a hidden': ['hidden', { b: 1 }] }, (text) => text.replaceAll('hidden', '*'))).toEqual({
      'a *': ['*', { b: 1 }],
    });
  });
});

describe('the bundle', () => {
  it('keeps what happened last, in the order of time', () => {
    const event = (name: string, lastTimestamp: string) => ({ metadata: { name }, lastTimestamp });
    const [old, middle] = [event('z', '2026-01-01T00:00:00Z'), event('a', '2026-01-02T00:00:00Z')];
    const pod = { metadata: { name: 'm', creationTimestamp: '2026-01-03T00:00:00Z' } };
    expect([pod, middle, old].toSorted(byAge)).toEqual([old, middle, pod]);
  });

  it('says of secret variables only that they are set', () => {
    const env = { AUTH_TOKEN: 'not-a-real-token', AGENT_ID: 'mine', HTTPS_PROXY: 'http://u:p@h', LOG_LEVEL: '' };
    expect(configurationOf(env)).toEqual({
      AUTH_TOKEN: '(hidden, 16 characters)',
      AGENT_ID: 'mine',
      HTTPS_PROXY: '(hidden, 12 characters)',
    });
  });

  it('leaves out the values of environments, at any depth, and keeps their names', () => {
    fc.assert(
      fc.property(mark, fc.integer({ min: 0, max: 4 }), (value, depth) => {
        let object: unknown = {
          env: [
            { name: 'config', value },
            { name: 'x', valueFrom: { key: value } },
          ],
        };
        for (let level = 0; level < depth; level += 1) object = { spec: [object], kept: 'yes' };
        const text = JSON.stringify(withoutConfig(object));
        expect(text).not.toContain(value);
        expect(text).toContain('config');
      }),
    );
  });
});
