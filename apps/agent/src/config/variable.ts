import type { Format } from './format.ts';

export type ExecutorType = 'simpleK8s' | 'argo' | 'local';

/** The headings of the table in the README. */
export type VariableGroup =
  | 'identity'
  | 'network'
  | 'executor'
  | 'local executor'
  | 'ingestion workloads'
  | 'argo'
  | 'secrets'
  | 'limits'
  | 'process'
  | 'tracing'
  /** Of the command `registry-helper`, which has a table of its own. */
  | 'registry helper';

interface Common {
  readonly group: VariableGroup;
  /** One sentence for the README. */
  readonly meaning: string;
  /** Older names that still work, with a warning. */
  readonly legacy?: readonly string[];
  /** Only these executors read it; set for another one it has no effect, which is said. */
  readonly executors?: readonly ExecutorType[];
  /** What serves the other executors instead; told to whoever sets it for one of those. */
  readonly instead?: string;
  /** The value is never printed. */
  readonly sensitive?: boolean;
  /** `NAME_FILE` may hold the path of a file with the value instead. */
  readonly fileVariant?: boolean;
  /** For the README, where the default is not a plain value. */
  readonly defaultNote?: string;
}

/** A variable that may be absent. */
export interface Optional<T> extends Common {
  readonly format: Format<T>;
  readonly default?: undefined;
}

/** A variable with a default, written as a user would write it. */
export interface Defaulted<T> extends Common {
  readonly format: Format<T>;
  readonly default: string;
}

export type Variable<T = unknown> = Optional<T> | Defaulted<T>;

export const optional = <T>(format: Format<T>, rest: Common): Optional<T> => ({ format, ...rest });
export const defaulted = <T>(format: Format<T>, value: string, rest: Common): Defaulted<T> => ({
  format,
  default: value,
  ...rest,
});

/** What reading a table of variables gives: a value for each default, value or undefined for the others. */
export type Values<Table extends Readonly<Record<string, Variable>>> = {
  readonly [Name in keyof Table]: Table[Name] extends Defaulted<infer T>
    ? T
    : Table[Name] extends Optional<infer T>
      ? T | undefined
      : never;
};
