import { parsePodAnnotations, parsePodLabels } from '@runner/scheduling';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const labels = (text: string | undefined, reserved?: readonly string[]) =>
  parsePodLabels('INGESTION_POD_LABELS', text, reserved === undefined ? {} : { reserved });

describe('labels for pods', () => {
  it.each([
    [undefined, {}],
    ['', {}],
    ['  ', {}],
    ['{}', {}],
    ['team=data', { team: 'data' }],
    [' team = data , example.com/tier=a ,', { team: 'data', 'example.com/tier': 'a' }],
    ['empty=', { empty: '' }],
    ['{"team": "data", "empty": ""}', { team: 'data', empty: '' }],
  ])('%j', (text, entries) => {
    expect(labels(text)).toEqual({ entries, problems: [] });
  });

  it.each([
    ['team', 'error [0] invalid_entry'],
    ['=x', 'error  invalid_key'],
    ['te am=x', 'error te am invalid_key'],
    ['Example.com/x=y', 'error Example.com/x invalid_key'],
    ['a=b=c', 'error a invalid_value'],
    [`a=${'x'.repeat(64)}`, 'error a invalid_value'],
    ['a=b,a=c', 'error a contradicting_values'],
    ['{"a": 5}', 'error a wrong_type'],
    ['{"a": "b"', 'error  invalid_json'],
  ])('%j is %s', (text, problem) => {
    expect(labels(text).problems.map(({ level, path, code }) => `${level} ${path} ${code}`)).toEqual([problem]);
  });

  it('that belong to somebody else are left out, with a warning', () => {
    const { entries, problems } = labels('job-name=x,app.kubernetes.io/run-id=y,team=z', [
      'job-name',
      'app.kubernetes.io/',
    ]);
    expect(entries).toEqual({ team: 'z' });
    expect(problems.map(({ path, code }) => `${path} ${code}`)).toEqual([
      'job-name reserved_key',
      'app.kubernetes.io/run-id reserved_key',
    ]);
  });

  it('are read back as they were written', () => {
    const key = fc.stringMatching(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/);
    fc.assert(
      fc.property(
        fc.dictionary(key, fc.stringMatching(/^([a-z0-9]([a-z0-9._-]{0,8}[a-z0-9])?)?$/), { noNullPrototype: true }),
        (entries) => {
          const list = Object.entries(entries).map(([name, value]) => `${name}=${value}`);
          expect(labels(list.join(',')).entries).toEqual(entries);
          expect(labels(JSON.stringify(entries))).toEqual({ entries, problems: [] });
        },
      ),
    );
  });
});

describe('annotations for pods', () => {
  it('may have any value; one with a comma needs the JSON form', () => {
    const text = '{"example.com/note": "a, b = c\\n"}';
    expect(parsePodAnnotations('X', text)).toEqual({ entries: { 'example.com/note': 'a, b = c\n' }, problems: [] });
    expect(parsePodAnnotations('X', 'note=a b=c').entries).toEqual({ note: 'a b=c' });
  });

  it('have a size', () => {
    const text = JSON.stringify({ note: 'ü'.repeat(140_000) });
    expect(parsePodAnnotations('X', text).problems).toMatchObject([{ code: 'too_large' }]);
  });
});
