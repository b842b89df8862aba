import { parse } from 'yaml';

/** What a value takes, in the words of `@type`: kinds of JSON, or the words that may stand there. */
export type ValueType = readonly string[];

/** One key of a values file, as its comment describes it. */
export interface Value {
  /** `config.agentId`. */
  readonly path: string;
  readonly meaning: string;
  readonly default: unknown;
  readonly type: ValueType;
  /** Any key may stand below it. */
  readonly open: boolean;
  /** Another name it is read under, beside its own. */
  readonly alias?: string;
  /** The chart this one takes the place of does not have it. */
  readonly added: boolean;
  /** An empty one is the default. */
  readonly needed: boolean;
}

/**
 * Reads a values file with its comments. Throws when a key that holds a value has no comment: whoever adds one says what it
 * means.
 */
export function readValues(text: string): readonly Value[] {
  const defaults: unknown = parse(text);
  const values: Value[] = [];
  const stack: { readonly indent: number; readonly key: string }[] = [];
  let comment: string[] = [];
  let openBelow: number | undefined;
  for (const line of text.split('\n')) {
    const indent = line.length - line.trimStart().length;
    if (line.trim() === '') comment = [];
    else if (openBelow !== undefined && indent > openBelow) continue;
    else if (line.trimStart().startsWith('#')) comment.push(line.trimStart().replace(/^# ?/, ''));
    else {
      const key = /^\s*([A-Za-z0-9_-]+):/.exec(line)?.[1];
      if (key === undefined) throw new Error(`not understood in a values file: ${line}`);
      while ((stack.at(-1)?.indent ?? -1) >= indent) stack.pop();
      stack.push({ indent, key });
      const path = stack.map((part) => part.key);
      const value = valueOf(path, at(defaults, path), comment);
      openBelow = value?.open === true ? indent : undefined;
      if (value !== undefined) values.push(value);
      comment = [];
    }
  }
  return values;
}

/** Undefined for a key that only holds others. */
function valueOf(path: readonly string[], standard: unknown, comment: readonly string[]): Value | undefined {
  const marks = new Map(
    comment.flatMap((line) => {
      const [, name, rest] = /^@(\w+)\s*(.*)$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, rest ?? ''] as const];
    }),
  );
  const open = marks.has('open');
  if (!open && isMap(standard) && Object.keys(standard).length > 0) return undefined;
  const meaning = comment.filter((line) => !line.startsWith('@')).join(' ');
  const said = marks.get('type');
  const alias = marks.get('alias');
  return {
    path: path.join('.'),
    meaning,
    default: standard,
    type: said === undefined ? [kindOf(standard)] : said.split('|').map((word) => word.trim()),
    open,
    ...(alias === undefined ? {} : { alias }),
    added: marks.has('added'),
    needed: marks.has('needed'),
  };
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'list';
  if (isMap(value)) return 'map';
  return typeof value === 'boolean' ? 'flag' : typeof value === 'number' ? 'count' : 'string';
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((found, key) => (isMap(found) ? found[key] : undefined), value);
}

/** A mapping of YAML or JSON. */
export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
