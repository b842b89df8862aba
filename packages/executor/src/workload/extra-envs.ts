import type { SettingProblem } from './problem.ts';

export interface EnvVariable {
  readonly name: string;
  readonly value: string;
}

export interface ExtraEnvs {
  /** Each name once, in order of first mention. */
  readonly variables: readonly EnvVariable[];
  readonly problems: readonly SettingProblem[];
}

/** Set by the workload contract; nothing overrides them. */
export const RESERVED_VARIABLES: ReadonlySet<string> = new Set([
  'config',
  'pipelineType',
  'pipelineRunId',
  'pipelineStatus',
  'ingestionPipelineFQN',
  'jobName',
  'namespace',
  'TRACEPARENT',
]);

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** A comma ends an entry only when a name and a colon follow; `http://` after a comma is the rest of a value. */
const BETWEEN_ENTRIES = /,\s*(?![a-z][a-z0-9]*:\/\/)(?=[A-Za-z_][A-Za-z0-9_]*\s*:)/;

/**
 * Reads `INGESTION_EXTRA_ENVS`: `[NAME:value,NAME:value]`, the same without brackets, a JSON array of such texts, or a
 * list. Entries are split at commas that are followed by `NAME:`, so values may hold commas, and at their first colon,
 * so values may hold colons. Of a repeated name the last one counts. Names of the workload contract are left out.
 */
export function parseExtraEnvs(input: string | readonly string[] | undefined): ExtraEnvs {
  const values = new Map<string, string>();
  const problems: SettingProblem[] = [];
  for (const [index, entry] of entriesOf(input).entries()) {
    const colon = entry.indexOf(':');
    const name = entry.slice(0, Math.max(colon, 0)).trim();
    const value = entry.slice(colon + 1);
    if (!NAME.test(name) || value.includes('\0')) {
      problems.push(malformed(index));
    } else if (RESERVED_VARIABLES.has(name)) {
      problems.push(reserved(name));
    } else {
      if (values.has(name)) problems.push(duplicate(name));
      values.set(name, value);
    }
  }
  return { variables: [...values].map(([name, value]) => ({ name, value })), problems };
}

function entriesOf(input: string | readonly string[] | undefined): readonly string[] {
  if (input === undefined) return [];
  if (typeof input !== 'string') return input.filter((entry) => entry.trim() !== '');
  const text = input.trim();
  const list = text.startsWith('["') ? jsonList(text) : undefined;
  if (list !== undefined) return entriesOf(list);
  const inner = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  return inner
    .split(BETWEEN_ENTRIES)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

function jsonList(text: string): readonly string[] | undefined {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) && list.every((item): item is string => typeof item === 'string') ? list : undefined;
  } catch {
    return undefined;
  }
}

// An entry that cannot be read may be all value: only its place is told.
function malformed(index: number): SettingProblem {
  return {
    level: 'error',
    code: 'extra_env_malformed',
    message: `Entry ${index + 1} of the extra environment variables is not of the form NAME:value.`,
    hint: 'Write [NAME:value,NAME:value]; a name has letters, digits and underscores.',
  };
}

function reserved(name: string): SettingProblem {
  return {
    level: 'warning',
    code: 'extra_env_reserved',
    message: `The extra environment variable ${name} was left out: the runner sets it itself.`,
  };
}

function duplicate(name: string): SettingProblem {
  return {
    level: 'warning',
    code: 'extra_env_duplicate',
    message: `The extra environment variable ${name} is given more than once; the last value counts.`,
  };
}
