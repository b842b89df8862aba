import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../../src/gcp/crc32c.ts';
import { secretArn } from '../../src/aws/failures.ts';
import { accountOf } from '../../src/kubernetes/access.ts';
import { proxyFor } from '../../src/store/network.ts';
import { networkFailure } from '../../src/store/network-failures.ts';

describe('CRC-32C', () => {
  it('is the one of the standard', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe306_9283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a91_36aa);
    expect(crc32c(new Uint8Array())).toBe(0);
  });

  it('notices every change of one byte', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), fc.nat(), fc.integer({ min: 1, max: 255 }), (bytes, at, change) => {
        const changed = Uint8Array.from(bytes);
        changed[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ change;
        expect(crc32c(changed)).not.toBe(crc32c(bytes));
      }),
    );
  });
});

describe('the proxy of the environment', () => {
  it.each([
    ['a.vault.azure.net', { HTTPS_PROXY: 'http://p:1' }, 'http://p:1'],
    ['a.vault.azure.net', { https_proxy: 'http://p:2', HTTPS_PROXY: 'http://p:1' }, 'http://p:2'],
    ['a.vault.azure.net', { HTTPS_PROXY: 'http://p:1', NO_PROXY: '.azure.net' }, undefined],
    ['a.vault.azure.net', { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'x, azure.net' }, undefined],
    ['notazure.net', { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'azure.net' }, 'http://p:1'],
    ['localhost', { HTTPS_PROXY: 'http://p:1', no_proxy: '*' }, undefined],
    ['a.b', { HTTPS_PROXY: '' }, undefined],
    ['a.b', {}, undefined],
  ])('for %s with %j is %s', (host, env, wanted) => {
    expect(proxyFor(host, env as Record<string, string>)).toBe(wanted);
  });
});

describe('a failure of the network', () => {
  it.each([
    ['ECONNREFUSED', 'secret_unreachable'],
    ['ENOTFOUND', 'secret_unreachable'],
    ['ECONNRESET', 'secret_unreachable'],
    ['ETIMEDOUT', 'secret_timed_out'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'secret_misconfigured'],
    ['CERT_HAS_EXPIRED', 'secret_misconfigured'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'secret_misconfigured'],
    ['EPROTO', 'secret_misconfigured'],
  ])('%s is %s, however deep it lies', (errno, code) => {
    const inner = Object.assign(new Error('inner'), { code: errno });
    const deep = new Error('outer', { cause: new AggregateError([inner]) });
    expect(networkFailure(deep, 'the store', {})).toMatchObject({ code, details: { errno } });
  });

  it('is none where no code says so, also in a circle', () => {
    const circle = new Error('circle');
    circle.cause = circle;
    expect(networkFailure(circle, 'the store', {})).toBeUndefined();
  });
});

describe('what a message names', () => {
  it('is the ARN that a policy has to allow', () => {
    const identity = 'arn:aws:sts::123456789012:assumed-role/pods/x';
    expect(secretArn('secretsmanager', 'eu-west-1', identity, '/team/db')).toBe(
      'arn:aws:secretsmanager:eu-west-1:123456789012:secret:/team/db-??????',
    );
    expect(secretArn('ssm', 'cn-north-1', undefined, '/team/db:3')).toBe(
      'arn:aws-cn:ssm:cn-north-1:<account>:parameter/team/db',
    );
  });

  it('is the account of a token, and nothing of what is no token', () => {
    const token = `x.${Buffer.from('{"sub":"system:serviceaccount:ns:name"}').toString('base64url')}.y`;
    expect(accountOf(token)).toBe('system:serviceaccount:ns:name');
    fc.assert(fc.property(fc.string(), (text) => void accountOf(text)));
  });
});
