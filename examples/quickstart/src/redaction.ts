import { createRedactor } from '@runner/secrets/exec';

/** Keeps resolved values out of what is told to others: a source may quote the password it refuses. */
export interface Redaction {
  add(values: readonly string[]): void;
  /** The text without the values, in whatever form they stand in it. */
  apply(text: string): string;
}

export function createRedaction(): Redaction {
  const redactor = createRedactor();
  return {
    add: (values) => redactor.add(values),
    apply: (text) => Buffer.concat([redactor.push(Buffer.from(text)), redactor.end()]).toString(),
  };
}
