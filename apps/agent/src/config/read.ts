import { fileText } from './files.ts';
import type { Finding, Findings } from './finding.ts';
import { shown } from './finding.ts';
import type { Wrong } from './format.ts';
import type { Values, Variable } from './variable.ts';

/** Reads a file as text; throws when it cannot. */
export type ReadFile = (path: string) => string;
export type Environment = Readonly<Record<string, string | undefined>>;

type Table = Readonly<Record<string, Variable>>;

/** Where the text of one variable was found. */
export interface Source {
  /** The name it was found under: its own, an older one, or its file variant. */
  readonly name: string;
  readonly text: string;
  /** Set when it was read from a file. */
  readonly file?: string;
}

export interface Reading<T extends Table> {
  readonly values: Values<T>;
  /** Only the variables that were set. */
  readonly sources: ReadonlyMap<string, Source>;
}

/**
 * Reads every variable of a table. An empty string is the same as unset: charts render variables they have no value
 * for. A value that cannot be understood is a problem and reads as its default, so that the remaining rules can be checked too.
 */
export function readVariables<T extends Table>(
  table: T,
  env: Environment,
  readFile: ReadFile,
  out: Findings,
): Reading<T> {
  const sources = new Map<string, Source>();
  const values: Record<string, unknown> = {};
  for (const [name, variable] of Object.entries(table)) {
    const source = find(name, variable, env, readFile, out);
    if (source !== undefined) sources.set(name, source);
    values[name] = parsed(variable, source, out);
  }
  return { values: values as Values<T>, sources };
}

function find(
  name: string,
  variable: Variable,
  env: Environment,
  readFile: ReadFile,
  out: Findings,
): Source | undefined {
  const direct = setIn(env, name.endsWith('_PROXY') ? [name.toLowerCase(), name] : [name]);
  const file = variable.fileVariant === true ? fromFile(`${name}_FILE`, env, readFile, out) : undefined;
  if (direct !== undefined && file !== undefined) {
    out.problems.push({
      variable: name,
      read: '(hidden)',
      message: `is set, and so is ${name}_FILE`,
      fix: 'keep one of the two and leave the other empty',
    });
  }
  const legacy = setIn(env, variable.legacy ?? []);
  if (legacy !== undefined) out.warnings.push(legacyWarning(name, variable, legacy, direct));
  return direct ?? file ?? legacy;
}

function setIn(env: Environment, names: readonly string[]): Source | undefined {
  for (const name of names) {
    const value = env[name]?.trim();
    if (value !== undefined && value !== '') return { name, text: value };
  }
  return undefined;
}

function fromFile(name: string, env: Environment, readFile: ReadFile, out: Findings): Source | undefined {
  const path = setIn(env, [name])?.text;
  if (path === undefined) return undefined;
  const content = fileText(name, path, readFile, out)?.trim();
  if (content === '') {
    out.problems.push({
      variable: name,
      read: path,
      message: 'names a file that is empty',
      fix: 'write the token into it',
    });
  }
  return { name, text: content ?? '', file: path };
}

function legacyWarning(name: string, variable: Variable, legacy: Source, direct: Source | undefined): Finding {
  return {
    variable: legacy.name,
    read: shown(legacy.text, variable.sensitive === true),
    message:
      direct === undefined ? `is the old name of ${name}` : `is the old name of ${name}, which is set too and wins`,
    fix: direct === undefined ? `rename it to ${name}` : `remove ${legacy.name}`,
  };
}

function parsed(variable: Variable, source: Source | undefined, out: Findings): unknown {
  if (source !== undefined && source.text !== '') {
    const result = variable.format.parse(source.text);
    const finding = ({ problem, fix }: Wrong): Finding => ({
      variable: source.name,
      read: shown(source.text, variable.sensitive === true),
      message: problem,
      fix,
    });
    if ('value' in result) {
      out.warnings.push(...(result.notes ?? []).map(finding));
      return result.value;
    }
    out.problems.push(finding(result.wrong));
  }
  if (variable.default === undefined) return undefined;
  const fallback = variable.format.parse(variable.default);
  return 'value' in fallback ? fallback.value : undefined;
}
