import { parseExtraEnvs } from '@runner/executor';
import type { EnvVariable } from '@runner/executor';
import { RESERVED_ANNOTATIONS, RESERVED_LABELS, dynamicTagProblem, imageReferenceProblem } from '@runner/kube';
import { parseImagePullSecrets, parsePodAnnotations, parsePodLabels } from '@runner/scheduling';
import { format, right, wrong } from './format.ts';
import type { Format } from './format.ts';

/** What `parseExtraEnvs` of the executor package reads; the first error refuses the whole text. */
export const extraEnvs: Format<readonly EnvVariable[]> = format('`[NAME:value,NAME:value]`', (raw) => {
  const { variables, problems } = parseExtraEnvs(raw);
  const error = problems.find((problem) => problem.level === 'error');
  const fix = 'write [NAME:value,NAME:value]; a name has letters, digits and underscores';
  if (error !== undefined) return wrong(`is not understood: ${error.message}`, error.hint ?? fix);
  const notes = problems.map((problem) => ({
    problem: `is not taken as it is: ${problem.message}`,
    fix: problem.hint ?? fix,
  }));
  return right(variables, notes);
});

export const pullSecrets: Format<readonly string[]> = format('Kubernetes names, comma-separated', (raw) => {
  const { names, problems } = parseImagePullSecrets('', raw);
  const [problem] = problems;
  return problem === undefined ? right(names) : wrong(`holds a wrong name: ${problem.message}`, problem.fix);
});

/** Repository with tag or digest. */
export const imageReference: Format<string> = format('image reference', (raw) => {
  const problem = imageReferenceProblem(raw);
  if (problem === undefined) return right(raw);
  return wrong(
    `is not an image reference: ${problem}`,
    'write repository and tag, such as registry.example.test/team/ingestion:1.0',
  );
});

/** A tag in which `{version}` stands for the version of OpenMetadata. */
export const tagTemplate: Format<string> = format('tag with `{version}`', (raw) => {
  const problem = dynamicTagProblem(raw);
  if (problem === undefined) return right(raw);
  return wrong(`does not make a tag: ${problem}`, 'write it as in om-{version}-cl-{version}');
});

const OBJECT_KEY = /^[-._a-zA-Z0-9]{1,253}$/;

/** Key of a ConfigMap or Secret. Source: `IsConfigMapKey` of Kubernetes. */
export const objectKey: Format<string> = format('key of a ConfigMap or Secret', (raw) =>
  OBJECT_KEY.test(raw) && !raw.startsWith('..') && raw !== '.'
    ? right(raw)
    : wrong('is not a key of a ConfigMap or Secret', 'use letters, digits, dashes, dots and underscores'),
);

type Texts = Readonly<Record<string, string>>;
type Parse = typeof parsePodLabels;

/** Labels for pods. Those that are the runner's own are left out, with a note. */
export const podLabels: Format<Texts> = texts(parsePodLabels, RESERVED_LABELS);

/** Annotations for pods: any text. */
export const podAnnotations: Format<Texts> = texts(parsePodAnnotations, RESERVED_ANNOTATIONS);

/** `key=value,key=value`, or a JSON object for values with commas. */
function texts(parse: Parse, reserved: readonly string[]): Format<Texts> {
  return format('`key=value,key=value`, or a JSON object', (raw) => {
    const { entries, problems } = parse('', raw, { reserved });
    const told = problems.map(({ path, message, fix }) => ({
      problem: `${path === '' ? '' : `at ${path} `}${message}`,
      fix,
    }));
    const error = problems.findIndex(({ level }) => level === 'error');
    const first = told[error];
    return first === undefined ? right(entries, told) : wrong(first.problem, first.fix);
  });
}
