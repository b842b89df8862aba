import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PODS } from '../../src/objects.ts';
import { kindOf } from '../../src/testing/server/kinds.ts';
import { fieldMatch, labelMatch } from '../../src/testing/server/selectors.ts';
import type { Stored } from '../../src/testing/server/stored.ts';

function labelled(labels: Readonly<Record<string, string>>): Stored {
  const metadata = { name: 'o', uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z', labels };
  return { apiVersion: 'v1', kind: 'Pod', metadata };
}

const key = fc.constantFrom('a', 'b', 'test.example/c');
const value = fc.constantFrom('x', 'y', 'z', '');
const someValues = fc.array(fc.constantFrom<string>('x', 'y', 'z'), { minLength: 1 });
const labels = fc.dictionary(key, value);

describe('label selectors', () => {
  it('hold exactly when each of their requirements holds', () => {
    const requirement = fc.oneof(
      fc.tuple(key, value).map(([k, v]) => ({ text: `${k}=${v}`, holds: (own: Labels) => own[k] === v })),
      fc.tuple(key, value).map(([k, v]) => ({ text: `${k} == ${v}`, holds: (own: Labels) => own[k] === v })),
      fc.tuple(key, value).map(([k, v]) => ({ text: `${k}!=${v}`, holds: (own: Labels) => own[k] !== v })),
      fc.tuple(key, someValues).map(([k, set]) => ({
        text: `${k} in (${set.join(', ')})`,
        holds: (own: Labels) => own[k] !== undefined && set.includes(own[k]),
      })),
      fc.tuple(key, someValues).map(([k, set]) => ({
        text: `${k} notin (${set.join(',')})`,
        holds: (own: Labels) => own[k] === undefined || !set.includes(own[k]),
      })),
      key.map((k) => ({ text: k, holds: (own: Labels) => own[k] !== undefined })),
      key.map((k) => ({ text: `!${k}`, holds: (own: Labels) => own[k] === undefined })),
    );
    fc.assert(
      fc.property(fc.array(requirement), labels, (requirements, own) => {
        const selector = requirements.map((one) => one.text).join(',');
        expect(labelMatch(selector)(labelled(own))).toBe(requirements.every((one) => one.holds(own)));
      }),
    );
  });

  it.each([
    [',', "found ',', expected: !, identifier, or 'end of string'"],
    ['a,', "found '', expected: identifier after ','"],
    ['a in (b,c', "unable to parse requirement: found '', expected: ',' or ')'"],
    ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ['x=y z', "found 'z', expected: ',' or 'end of string'"],
    ['a===b', "unable to parse requirement: found '=', expected: identifier"],
    ['a=-b', 'unable to parse requirement: values[0][a]: Invalid value: "-b": a valid label must be'],
    ['-a', 'unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of'],
  ])('refuse %s as the real parser does', (selector, message) => {
    expect(() => labelMatch(selector)).toThrow(message);
  });
});

type Labels = Readonly<Record<string, string | undefined>>;

describe('field selectors', () => {
  const kind = kindOf(PODS);
  const pod = (phase: string): Stored => ({ ...labelled({}), status: { phase } }) as Stored;

  it('compare what the kind allows', () => {
    expect(fieldMatch(kind, 'status.phase=Running,metadata.name=o')(pod('Running'))).toBe(true);
    expect(fieldMatch(kind, 'status.phase!=Running')(pod('Running'))).toBe(false);
    expect(fieldMatch(kind, 'spec.nodeName=')(pod('Running'))).toBe(true);
  });

  it('refuse other fields', () => {
    expect(() => fieldMatch(kind, 'involvedObject.uid=u')).toThrow('field label not supported: involvedObject.uid');
    expect(() => fieldMatch(kind, 'status.phase')).toThrow(
      "invalid selector: 'status.phase'; can't understand 'status.phase'",
    );
  });
});
