/** Something to tell the operator about one variable. Never holds a secret value. */
export interface Finding {
  readonly variable: string;
  /** What was read, cut short; `(hidden)` for anything that may be secret; undefined when nothing was. */
  readonly read: string | undefined;
  readonly message: string;
  readonly fix: string;
}

/** Collects findings, so that all of them are told at once. */
export interface Findings {
  readonly problems: Finding[];
  readonly warnings: Finding[];
}

const SHOWN = 80;

/** A value as it may be printed. */
export function shown(value: string | undefined, sensitive: boolean): string | undefined {
  if (value === undefined) return undefined;
  if (sensitive || /:\/\/[^/]*@/.test(value)) return '(hidden)';
  return value.length > SHOWN ? `${value.slice(0, SHOWN)}…` : value;
}
