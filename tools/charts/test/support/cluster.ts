import { randomBytes } from 'node:crypto';
import type { Finished, Rendered } from '../../src/index.ts';
import { findProgram, objectsOf, run } from '../../src/index.ts';

const kubectl = await findProgram('kubectl', process.env);

export async function kubectlCommand(args: readonly string[], input?: string): Promise<Finished> {
  if (kubectl === undefined) throw new Error('there is no kubectl');
  return await run(kubectl, args, input);
}

/** Runs a command that has to succeed; its output. */
export async function succeed(finished: Promise<Finished>): Promise<string> {
  const { code, stdout, stderr } = await finished;
  if (code !== 0) throw new Error(`${stdout}\n${stderr}`);
  return stdout;
}

export interface ChartNamespace extends AsyncDisposable {
  readonly name: string;
  /** An object of it; undefined when there is none. */
  find(kind: string, name: string): Promise<Rendered | undefined>;
  /** `Kind/name` of all that people make: without what every namespace has, and without what belongs to another object. */
  contents(): Promise<readonly string[]>;
}

/** A namespace that warns of every pod that does not fit the restricted level. Gone when disposed. */
export async function chartNamespace(purpose: string): Promise<ChartNamespace> {
  const name = `charts-${purpose}-${randomBytes(3).toString('hex')}`;
  await succeed(kubectlCommand(['create', 'namespace', name]));
  await succeed(kubectlCommand(['label', 'namespace', name, 'pod-security.kubernetes.io/warn=restricted']));
  const list = async (args: readonly string[]): Promise<readonly Rendered[]> => {
    const { code, stdout } = await kubectlCommand(['get', '--namespace', name, '--output', 'yaml', ...args]);
    if (code !== 0) return [];
    const [found] = objectsOf(stdout);
    if (found?.kind !== 'List') return found === undefined ? [] : [found];
    return found['items'] as readonly Rendered[];
  };
  return {
    name,
    find: async (kind, object) => (await list([kind, object]))[0],
    contents: async () => {
      const kinds = 'deployments,services,serviceaccounts,secrets,configmaps,roles,rolebindings,cronjobs,jobs,pods';
      return (await list([`${kinds},networkpolicies,poddisruptionbudgets`]))
        .filter(({ metadata }) => !['default', 'kube-root-ca.crt'].includes(metadata.name))
        .filter(({ metadata }) => !('ownerReferences' in metadata))
        .map(({ kind, metadata }) => `${kind}/${metadata.name}`)
        .toSorted();
    },
    [Symbol.asyncDispose]: async () => {
      await kubectlCommand(['delete', 'namespace', name, '--wait=false']);
    },
  };
}
