import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { isMap } from './values.ts';

/** An object of Kubernetes as a chart renders it. */
export interface Rendered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where a program is: named by its variable ($HELM, $KUBECTL), on PATH, or in the cluster tool's folder. */
export async function findProgram(
  name: 'helm' | 'kubectl',
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  const cluster = env['CLUSTER_HOME'] ?? join(homedir(), '.cache/runner-cluster');
  const folders = [...(env['PATH'] ?? '').split(delimiter).filter((part) => part !== ''), join(cluster, 'bin')];
  const candidates = [env[name.toUpperCase()], ...folders.map((folder) => join(folder, name))];
  for (const path of candidates) {
    if (path === undefined || path === '') continue;
    const found = await access(path).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return undefined;
}

/** Runs a program to its end; a program that fails is an answer. */
export async function run(program: string, args: readonly string[], input?: string): Promise<Finished> {
  return await new Promise((done) => {
    const child = execFile(program, args, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      done({ code, stdout, stderr });
    });
    // A program that ends without reading its input is an answer as well.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input ?? '');
  });
}

/** The objects in a stream of YAML documents; empty documents are left out. Throws when one cannot be read. */
export function objectsOf(yaml: string): readonly Rendered[] {
  return parseAllDocuments(yaml).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    const object: unknown = document.toJS();
    if (object === null || object === undefined) return [];
    if (!isObject(object)) throw new Error(`not an object of Kubernetes: ${document.toString().slice(0, 200)}`);
    return [object];
  });
}

function isObject(value: unknown): value is Rendered {
  return isMap(value) && typeof value['kind'] === 'string' && isMap(value['metadata']);
}
