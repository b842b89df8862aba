import { AGENT_LABEL, CONTROL_PLANE_LABEL, RUN_ID_LABEL, parseExtraEnvs } from '@runner/executor';
import type { EnvVariable } from '@runner/executor';
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

const HOST = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const STEP = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const TAG = '\\w[\\w.-]{0,127}';
const DIGEST = '[a-zA-Z][a-zA-Z0-9]*(?:[-_+.][a-zA-Z][a-zA-Z0-9]*)*:[0-9a-fA-F]{32,}';
/** The grammar of the distribution project's reference package. */
const REFERENCE = new RegExp(
  `^(?:(?:${HOST}(?:\\.${HOST})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]+)?/)?${STEP}(?:/${STEP})*(?::${TAG})?(?:@${DIGEST})?$`,
);

/** Repository with tag or digest. */
export const imageReference: Format<string> = format('image reference', (raw) =>
  raw.length <= 1024 && REFERENCE.test(raw)
    ? right(raw)
    : wrong('is not an image reference', 'write repository and tag, such as registry.example.test/team/ingestion:1.0'),
);

const WHOLE_TAG = new RegExp(`^${TAG}$`);

/** A tag in which `{version}` stands for the version of OpenMetadata. */
export const tagTemplate: Format<string> = format('tag with `{version}`', (raw) => {
  if (!raw.includes('{version}')) {
    return wrong('does not hold {version}', 'write the tag with {version} in it, such as om-{version}-cl-{version}');
  }
  return WHOLE_TAG.test(raw.replaceAll('{version}', '1.0.0'))
    ? right(raw)
    : wrong('does not make a tag', 'use letters, digits, dots, dashes and underscores around {version}');
});

type Texts = Readonly<Record<string, string>>;

/** Labels that the workload contract and Kubernetes' Jobs give to pods; nobody else does. */
const OWNED_LABELS: ReadonlySet<string> = new Set([
  ...['name', 'component', 'managed-by', 'pipeline', 'pipeline-type', 'app-name'].map(
    (name) => `app.kubernetes.io/${name}`,
  ),
  RUN_ID_LABEL,
  CONTROL_PLANE_LABEL,
  AGENT_LABEL,
  'job-name',
  'controller-uid',
  'batch.kubernetes.io/job-name',
  'batch.kubernetes.io/controller-uid',
]);

/** Labels for pods. Those that are the runner's own are left out, with a note. */
export const podLabels: Format<Texts> = texts(labelValueProblem, (labels) => {
  const owned = Object.keys(labels).filter((key) => OWNED_LABELS.has(key));
  const kept = Object.fromEntries(Object.entries(labels).filter(([key]) => !OWNED_LABELS.has(key)));
  const notes = owned.map((key) => ({
    problem: `holds ${key}, which the runner sets itself: it is left out`,
    fix: 'remove it',
  }));
  return { kept, notes };
});

/** Annotations for pods: any text. */
export const podAnnotations: Format<Texts> = texts(
  () => undefined,
  (kept) => ({ kept, notes: [] }),
);

/** `key=value,key=value`, or a JSON object for values with commas. */
function texts(
  valueProblem: (value: string) => string | undefined,
  keep: (read: Texts) => { readonly kept: Texts; readonly notes: readonly Wrong[] },
): Format<Texts> {
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
    const { kept, notes } = keep(Object.fromEntries(read));
    return right(kept, notes);
  });
}

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
