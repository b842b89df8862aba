import { describeProblem, parseImagePullSecrets } from '@runner/scheduling';
import { parseOverrideFile } from '@runner/scheduling/override-file';
import { describe, expect, it } from 'vitest';

const VARIABLE = 'ARGO_INGESTION_CONTAINER_SPEC_FILE_PATH';

describe('override files', () => {
  it('are read as maps', () => {
    const { value, problems } = parseOverrideFile(VARIABLE, 'tolerations:\n  - key: a\n    operator: Exists\n', []);
    expect(problems).toEqual([]);
    expect(value).toEqual({ tolerations: [{ key: 'a', operator: 'Exists' }] });
  });

  it.each(['', '# nothing yet\n', '---\n'])('say nothing when they are empty (%j)', (text) => {
    expect(parseOverrideFile(VARIABLE, text, [])).toMatchObject({ value: {}, problems: [] });
  });

  it('are refused with the line when they are not YAML', () => {
    const { problems } = parseOverrideFile(VARIABLE, 'resources:\n  limits: {cpu: 1\nenv: x\n', []);
    expect(problems[0]?.code).toBe('invalid_yaml');
    expect(problems[0]?.message).toMatch(/line [23]/);
  });

  it('are refused when a key stands twice', () => {
    expect(parseOverrideFile(VARIABLE, 'a: 1\na: 2\n', []).problems[0]?.message).toContain('line 2');
  });

  it('cannot set what the contract of the image owns', () => {
    const { value, problems } = parseOverrideFile(VARIABLE, 'command: [sh]\nworkingDir: /tmp\n', ['command']);
    expect(value).toEqual({ workingDir: '/tmp' });
    expect(problems).toMatchObject([{ code: 'owned_field', path: 'command' }]);
    expect(problems[0]?.message).toContain('(line 1)');
    expect(describeProblem(problems[0]!)).toContain(`${VARIABLE} command:`);
  });

  it('cannot blow up by aliases', () => {
    const levels = Array.from(
      { length: 12 },
      (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`,
    );
    const { problems } = parseOverrideFile(VARIABLE, ['a0: &a0 [x]', ...levels].join('\n'), []);
    expect(problems[0]?.code).toBe('invalid_yaml');
  });

  it('tell the line of every part, or of the nearest part above it', () => {
    const text = '# ours\nenv:\n  - name: A\n    value: x\n  - name: B\nresources:\n  limits: { cpu: 1 }\n';
    const { line } = parseOverrideFile(VARIABLE, text, []);
    const paths = [
      [],
      ['env'],
      ['env', 1, 'name'],
      ['resources', 'limits', 'cpu'],
      ['env', 0, 'value', 'no'],
      ['none'],
    ];
    expect(paths.map((path) => line(path))).toEqual([2, 2, 5, 7, 4, 2]);
  });

  it('are refused when they hold a list', () => {
    expect(parseOverrideFile(VARIABLE, '- a\n', []).problems[0]?.code).toBe('wrong_type');
  });
});

describe('image pull secrets', () => {
  it('are names separated by commas', () => {
    expect(parseImagePullSecrets('X', ' omd-registry-credentials, other ,,other').names).toEqual([
      'omd-registry-credentials',
      'other',
    ]);
    expect(parseImagePullSecrets('X', undefined).names).toEqual([]);
  });
  it('are refused when they cannot be a Secret', () => {
    expect(parseImagePullSecrets('X', 'My_Secret').problems).toMatchObject([{ code: 'invalid_name', source: 'X' }]);
  });
});
