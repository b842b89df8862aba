import type { Findings, Problem } from './problem.ts';
import { findingsIn } from './problem.ts';
import { asObject, asText } from './shape.ts';
import { labelKeyProblem, labelValueProblem } from './syntax.ts';

export interface PodMetadataOptions {
  /**
   * Keys that belong to somebody else; an entry that ends in `/` stands for all keys of that prefix. They are left out
   * with a warning. `@runner/kube` has the lists for ingestion pods.
   */
  readonly reserved?: readonly string[];
}

export interface PodMetadata {
  readonly entries: Readonly<Record<string, string>>;
  readonly problems: readonly Problem[];
}

/** All annotations of an object together. */
const MAX_ANNOTATION_BYTES = 256 * 1024;

/**
 * Reads labels for pods: `key=value,key=value`, or a JSON object of texts. Keys and values are checked by Kubernetes' own
 * rules. Absent and empty mean none.
 * @param source name of the variable, for messages
 */
export function parsePodLabels(
  source: string,
  text: string | undefined,
  options: PodMetadataOptions = {},
): PodMetadata {
  return parse(source, text, options, (value, at) => {
    const bad = labelValueProblem(value);
    if (bad !== undefined) at.error('invalid_value', `is not a label value: ${bad}.`, 'Shorten or correct it.');
  });
}

/** Reads annotations for pods; as `parsePodLabels`, but values may be any text. A value with a comma needs the JSON form. */
export function parsePodAnnotations(
  source: string,
  text: string | undefined,
  options: PodMetadataOptions = {},
): PodMetadata {
  const read = parse(source, text, options, () => undefined);
  const bytes = Object.entries(read.entries).reduce(
    (sum, [key, value]) => sum + byteLength(key) + byteLength(value),
    0,
  );
  if (bytes <= MAX_ANNOTATION_BYTES) return read;
  const problems = [...read.problems];
  findingsIn(problems, source).error(
    'too_large',
    `has ${bytes} bytes of annotations; an object holds at most ${MAX_ANNOTATION_BYTES}.`,
    'Shorten the values.',
  );
  return { entries: read.entries, problems };
}

const byteLength = (text: string): number => new TextEncoder().encode(text).length;

function parse(
  source: string,
  text: string | undefined,
  { reserved = [] }: PodMetadataOptions,
  checkValue: (value: string, findings: Findings) => void,
): PodMetadata {
  const problems: Problem[] = [];
  const findings = findingsIn(problems, source);
  const entries = new Map<string, string>();
  for (const [key, value] of pairsOf((text ?? '').trim(), findings)) {
    const at = findings.at(key);
    const badKey = key === '' ? 'it is empty' : labelKeyProblem(key);
    if (badKey !== undefined) at.error('invalid_key', `is not a key: ${badKey}.`, 'Write it as in example.com/team.');
    else if (isReserved(key, reserved)) {
      at.warning('reserved_key', 'is set by the runner or by Kubernetes: it is left out.', 'Remove it.');
    } else {
      if (entries.has(key) && entries.get(key) !== value) {
        at.error('contradicting_values', 'stands more than once, with different values.', 'Name it once.');
      }
      checkValue(value, at);
      entries.set(key, value);
    }
  }
  return { entries: Object.fromEntries(entries), problems };
}

const isReserved = (key: string, reserved: readonly string[]): boolean =>
  reserved.some((entry) => (entry.endsWith('/') ? key.startsWith(entry) : key === entry));

function pairsOf(text: string, findings: Findings): readonly (readonly [string, string])[] {
  if (text === '') return [];
  return text.startsWith('{') ? pairsOfJson(text, findings) : pairsOfList(text, findings);
}

function pairsOfJson(text: string, findings: Findings): readonly (readonly [string, string])[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    findings.error('invalid_json', 'begins like JSON but is none.', 'Write {"key": "value"}, or key=value,key=value.');
    return [];
  }
  return Object.entries(asObject(value, findings) ?? {}).flatMap(([key, raw]) => {
    const one = asText(raw, findings.at(key));
    return one === undefined ? [] : [[key, one] as const];
  });
}

function pairsOfList(text: string, findings: Findings): readonly (readonly [string, string])[] {
  return text
    .split(',')
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '')
    .flatMap((pair, index) => {
      const equals = pair.indexOf('=');
      if (equals >= 0) return [[pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()] as const];
      findings
        .at(index)
        .error('invalid_entry', 'is not of the form key=value.', 'A value with a comma needs the JSON form.');
      return [];
    });
}
