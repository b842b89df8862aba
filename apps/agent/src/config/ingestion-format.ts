import { parseExtraEnvs } from '@runner/executor';
import type { EnvVariable } from '@runner/executor';
import { RESERVED_ANNOTATIONS, RESERVED_LABELS, dynamicTagProblem, imageReferenceProblem } from '@runner/kube';
import { labelKeyProblem, labelValueProblem, parseImagePullSecrets } from '@runner/scheduling';
import { format, jsonOf, right, wrong } from './format.ts';
import type { Format, Wrong } from './format.ts';

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

type Texts = Readonly<Record<string, string>>;

/** Labels for pods. Those that are the runner's own are left out, with a note. */
export const podLabels: Format<Texts> = texts(labelValueProblem, RESERVED_LABELS);

/** Annotations for pods: any text. */
export const podAnnotations: Format<Texts> = texts(() => undefined, RESERVED_ANNOTATIONS);

/** `key=value,key=value`, or a JSON object for values with commas. */
function texts(valueProblem: (value: string) => string | undefined, reserved: readonly string[]): Format<Texts> {
  return format('`key=value,key=value`, or a JSON object', (raw) => {
    const entries = raw.startsWith('{') ? jsonEntries(raw) : pairs(raw);
    if (entries === undefined) {
      return wrong('is not understood', 'write key=value,key=value, or a JSON object whose values are texts');
    }
    const read = new Map<string, string>();
    for (const [key, value] of entries) {
      const problem = labelKeyProblem(key);
      if (problem !== undefined) return wrong(`holds a wrong key, ${cut(key)}: ${problem}`, 'mend or remove it');
      const bad = valueProblem(value);
      if (bad !== undefined) return wrong(`holds a wrong value for ${key}: ${bad}`, 'mend or remove it');
      if (read.has(key)) return wrong(`names ${key} twice`, 'name it once');
      read.set(key, value);
    }
    const owned = [...read.keys()].filter((key) => isReserved(key, reserved));
    for (const key of owned) read.delete(key);
    return right(Object.fromEntries(read), owned.map(leftOut));
  });
}

/** An entry that ends in a slash stands for every key of that prefix. */
const isReserved = (key: string, reserved: readonly string[]): boolean =>
  reserved.some((entry) => (entry.endsWith('/') ? key.startsWith(entry) : key === entry));

const leftOut = (key: string): Wrong => ({
  problem: `holds ${key}, which the runner or Kubernetes sets itself: it is left out`,
  fix: 'remove it',
});

type Pairs = readonly (readonly [string, string])[] | undefined;

function pairs(raw: string): Pairs {
  const parts = raw.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()]));
  const split = parts.map((part) => {
    const at = part.indexOf('=');
    return at <= 0 ? undefined : ([part.slice(0, at).trim(), part.slice(at + 1).trim()] as const);
  });
  return split.includes(undefined) ? undefined : split.filter((pair) => pair !== undefined);
}

function jsonEntries(raw: string): Pairs {
  const value = jsonOf(raw);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries = Object.entries(value);
  return entries.every((entry): entry is [string, string] => typeof entry[1] === 'string') ? entries : undefined;
}

const cut = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
