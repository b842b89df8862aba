import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** An answer of a real Argo Server (3.7.4), of the folder `recordings/server`. */
export interface Recording {
  readonly request: { readonly method: string; readonly path: string };
  readonly status: number;
  readonly contentType: string;
  /** Parsed; undefined for streams and pages. */
  readonly body?: unknown;
  readonly text?: string;
}

export function recording(name: string): Recording {
  const file = join(import.meta.dirname, '..', 'recordings', 'server', `${name}.json`);
  return JSON.parse(readFileSync(file, 'utf8')) as Recording;
}

/** As it came over the wire. */
export function wireText({ body, text }: Recording): string {
  return text ?? JSON.stringify(body);
}
