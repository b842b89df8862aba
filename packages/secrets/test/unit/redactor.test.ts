import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { secretForms } from '../../src/redactor/forms.ts';
import { createRedactor } from '../../src/redactor/redactor.ts';

/** Everything that goes through the redactor in pieces that end at these offsets. */
function redacted(values: readonly string[], bytes: Uint8Array, cuts: readonly number[] = []): Buffer {
  const redactor = createRedactor(values);
  const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  const out: Uint8Array[] = [];
  let from = 0;
  for (const end of [...ends, bytes.length]) {
    out.push(redactor.push(bytes.subarray(from, end)));
    from = end;
  }
  out.push(redactor.end());
  return Buffer.concat(out);
}

/** What the redactor promises, said without cleverness: every occurrence of every form, overlapping ones together. */
function expected(values: readonly string[], bytes: Buffer): Buffer {
  const covered = new Uint8Array(bytes.length);
  for (const form of values.flatMap((value) => secretForms(value)).map((text) => Buffer.from(text))) {
    for (let at = bytes.indexOf(form); at >= 0; at = bytes.indexOf(form, at + 1)) covered.fill(1, at, at + form.length);
  }
  const out: Buffer[] = [];
  for (let at = 0; at < bytes.length; at++) {
    if (covered[at] === 0) out.push(bytes.subarray(at, at + 1));
    else if (at === 0 || covered[at - 1] === 0) out.push(Buffer.from('[redacted]'));
  }
  return Buffer.concat(out);
}

const lines = (text: string, length: number): string =>
  (text.match(new RegExp(`.{1,${length}}`, 'g')) ?? []).join('\n');

const value = fc.oneof(
  fc.string({ minLength: 6, maxLength: 12, unit: 'grapheme' }),
  fc.string({ minLength: 6, maxLength: 10, unit: fc.constantFrom('a', 'b', '\n', '"', "'", '/', '+', ' ', 'ä') }),
);
const stream = (values: readonly string[]): fc.Arbitrary<Buffer> =>
  fc
    .array(
      fc.oneof(
        fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
        fc.constantFrom(...values.flatMap((one) => [one, ...secretForms(one)])).map((text) => Buffer.from(text)),
        fc
          .constantFrom(...values)
          .chain((one) => fc.nat(one.length).map((length) => Buffer.from(one.slice(0, length)))),
      ),
      { maxLength: 12 },
    )
    .map((parts) => Buffer.concat(parts));

describe('the redactor', () => {
  it('takes out every form of every value wherever the stream is cut, and changes no other byte', () => {
    const cases = fc
      .array(
        value.filter((text) => text.trim().length >= 6),
        { minLength: 1, maxLength: 4 },
      )
      .chain((values) =>
        fc.record({
          values: fc.constant(values),
          bytes: stream(values),
          cuts: fc.array(fc.nat(400), { maxLength: 8 }),
        }),
      );
    fc.assert(
      fc.property(cases, ({ values, bytes, cuts }) => {
        expect(redacted(values, bytes, cuts).toString('latin1')).toBe(expected(values, bytes).toString('latin1'));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['base64', (s: string) => Buffer.from(s).toString('base64')],
    ['base64 behind a user name', (s: string) => Buffer.from(`user:${s}`).toString('base64')],
    ['base64 between other bytes', (s: string) => Buffer.from(`xy${s}zz`).toString('base64')],
    ['base64 for URLs', (s: string) => Buffer.from(`p${s}`).toString('base64url')],
    ['hex', (s: string) => Buffer.from(s).toString('hex')],
    ['upper-case hex', (s: string) => Buffer.from(s).toString('hex').toUpperCase()],
    ['a URL', (s: string) => `https://me:${encodeURIComponent(s)}@host/`],
    ['a form', (s: string) => new URLSearchParams({ password: s }).toString()],
    ['JSON', (s: string) => JSON.stringify({ password: s })],
    ['JSON inside JSON', (s: string) => JSON.stringify({ config: JSON.stringify({ password: s }) })],
    ['a shell word', (s: string) => `'${s.replaceAll("'", String.raw`'\''`)}'`],
  ])('finds a value in %s', (_, encode) => {
    const secret = `not-real "quoted" it's/a+secret=ä&%`;
    const text = `before ${encode(secret)} after`;
    const out = redacted([secret], Buffer.from(text)).toString();
    expect(out).toContain('[redacted]');
    expect(out.startsWith('before ')).toBe(true);
    expect(out.endsWith(' after')).toBe(true);
    // What a group of base64 shares with its neighbours may stay: less than two characters of the value on each side.
    expect(out.length).toBeLessThan('before  after[redacted]'.length + text.length - encode(secret).length + 60);
    for (let at = 0; at + 8 <= secret.length; at++) expect(out).not.toContain(secret.slice(at, at + 8));
  });

  it.each([
    ['base64, as coreutils break it', (bytes: Buffer) => lines(bytes.toString('base64'), 76)],
    ['base64, as OpenSSL breaks it', (bytes: Buffer) => lines(bytes.toString('base64'), 64)],
    ['hex, as xxd breaks it', (bytes: Buffer) => lines(bytes.toString('hex'), 60)],
  ])('finds a long value in lines of %s, with a line break behind it or without', (_, encode) => {
    const secret = Array.from({ length: 40 }, (_value, index) => `not-real-${index}`).join('/');
    for (const text of [secret, `${secret}\n`]) {
      const out = redacted([secret], Buffer.from(`before\n${encode(Buffer.from(text))}\nafter`)).toString();
      expect(out).toMatch(/^before\n\[redacted\][\w=\n]{0,4}\nafter$/);
    }
  });

  it('takes out the lines of a value of several lines when they are printed one by one', () => {
    const pem =
      '-----BEGIN NOT A KEY-----\nbm90IGEgcmVhbCBrZXkgYXQgYWxs\nYW5kIGFub3RoZXIgbGluZSBvZiBpdA==\n-----END NOT A KEY-----\n';
    const log = pem
      .split('\n')
      .map((line) => `INFO   ${line}`)
      .join('\n');
    const out = redacted([pem], Buffer.from(log)).toString();
    expect(out).not.toContain('bm90IGEg');
    expect(out).not.toContain('BEGIN NOT');
    expect(out.split('\n')).toHaveLength(log.split('\n').length);
  });

  it('follows a long value to its end, and as far as it is printed when it is cut off', () => {
    const long = Array.from({ length: 400 }, (_, index) => `part${index}`).join('-');
    const other = `${long.slice(0, 1000)}#${long.slice(1000)}`;
    for (const cuts of [[], [5, 140, 141, 900]]) {
      expect(redacted([long, other], Buffer.from(`<${long}>`), cuts).toString()).toBe('<[redacted]>');
      expect(redacted([long, other], Buffer.from(`<${other}>`), cuts).toString()).toBe('<[redacted]>');
      expect(redacted([long], Buffer.from(`<${long.slice(0, 700)}>`), cuts).toString()).toBe('<[redacted]>');
    }
  });

  it('holds back only what may be the beginning of a value', () => {
    const redactor = createRedactor(['swordfish-not-real']);
    expect(Buffer.from(redactor.push(Buffer.from('the word is sword'))).toString()).toBe('the word is ');
    expect(Buffer.from(redactor.push(Buffer.from('play\n'))).toString()).toBe('swordplay\n');
    expect(redactor.end()).toHaveLength(0);
  });

  it('takes out values that become known on the way, also from what is held back', () => {
    const redactor = createRedactor(['first-not-real']);
    const out = [redactor.push(Buffer.from('a first-'))];
    redactor.add(['first-of-all', 'later-not-real']);
    out.push(redactor.push(Buffer.from('of-all later-not-real')), redactor.end());
    expect(Buffer.concat(out).toString()).toBe('a [redacted] [redacted]');
  });

  it('takes a short value out of lines that say nothing else', () => {
    const lines = ['abc1', '  "abc1",', 'pin=abc1', 'PIN: "abc1"', '"pin": "abc1",'];
    const out = redacted(['abc1'], Buffer.from(`${lines.join('\n')}\nxabc1 abc1x\nnot abc1 here`), [3, 9]).toString();
    expect(out.split('\n')).toEqual([
      '[redacted]',
      '  "[redacted]",',
      'pin=[redacted]',
      'PIN: "[redacted]"',
      '"pin": "[redacted]",',
      'xabc1 abc1x',
      'not abc1 here',
    ]);
  });

  it('passes everything when it knows nothing, and long lines when it knows short values', () => {
    const bytes = Buffer.from([0, 255, 10, 13, 0xc3]);
    expect(redacted([], bytes).equals(bytes)).toBe(true);
    const line = Buffer.from(`${'x'.repeat(5000)}\nabc1\n`);
    expect(redacted(['abc1'], line, [600, 700]).toString()).toBe(`${'x'.repeat(5000)}\n[redacted]\n`);
  });
});
