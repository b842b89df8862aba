import { describe, expect, it } from 'vitest';
import { noProxy, proxyUrl } from '../../src/config/proxy-format.ts';
import { authority, proxyFor, targetOf } from '../../src/transport/proxy.ts';

function goesDirect(rules: string, url: string): boolean {
  const except = noProxy.parse(rules);
  const proxy = proxyUrl.parse('http://proxy.example.test:3128');
  if (!('value' in except) || !('value' in proxy)) throw new Error('the test is wrong');
  const proxies = { secure: proxy.value, plain: proxy.value, except: except.value };
  return proxyFor(targetOf(new URL(url)), proxies) === undefined;
}

describe('NO_PROXY', () => {
  it.each([
    ['*', 'wss://anything.example.test'],
    ['example.test', 'wss://example.test'],
    ['example.test', 'wss://a.b.example.test'],
    ['.example.test', 'wss://a.example.test'],
    ['*.example.test', 'wss://a.example.test'],
    ['EXAMPLE.test', 'wss://Example.Test.'],
    ['example.test:443', 'wss://example.test'],
    ['example.test:8080', 'http://example.test:8080'],
    ['10.1.2.3', 'wss://10.1.2.3'],
    ['10.0.0.0/8', 'wss://10.255.0.1'],
    ['fd00::/8', 'wss://[fd12::1]'],
    ['::1', 'ws://[::1]:80'],
    ['[::1]:8080', 'ws://[::1]:8080'],
    ['a.test,,b.test c.test', 'wss://c.test'],
  ])('%s covers %s', (rules, url) => {
    expect(goesDirect(rules, url)).toBe(true);
  });

  it.each([
    ['example.test', 'wss://badexample.test'],
    ['example.test:8443', 'wss://example.test'],
    ['10.0.0.0/8', 'wss://11.0.0.1'],
    ['10.0.0.0/8', 'wss://ten.example.test'],
    ['0.0.1', 'wss://127.0.0.1'],
    ['fd00::/8', 'wss://10.0.0.1'],
  ])('%s does not cover %s', (rules, url) => {
    expect(goesDirect(rules, url)).toBe(false);
  });

  it.each(['http://example.test', '10.0.0.0/33', 'fd00::/129', 'a/b'])('%s is not understood', (rules) => {
    expect(noProxy.parse(rules)).toHaveProperty('wrong');
  });
});

describe('a proxy URL', () => {
  it.each([
    ['http://user:p%40ss@proxy.example.test', 'user:p@ss', 80],
    ['https://user:100%@proxy.example.test:8443', 'user:100%', 8443],
    ['https://only-user@[fd00::1]', 'only-user:', 443],
  ])('%s holds credentials, which its origin does not', (url, plain, port) => {
    const parsed = proxyUrl.parse(url);
    expect(parsed).toMatchObject({
      value: { authorization: `Basic ${Buffer.from(plain).toString('base64')}`, port },
    });
    expect('value' in parsed && parsed.value.origin).not.toContain('@');
  });
});

it('an authority has the brackets IPv6 needs', () => {
  expect(authority({ host: 'fd00::1', port: 443 })).toBe('[fd00::1]:443');
  expect(authority(targetOf(new URL('wss://[fd00::1]/x')))).toBe('[fd00::1]:443');
});
