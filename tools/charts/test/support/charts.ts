import { parse } from 'yaml';
import { afterAll, beforeAll, describe } from 'vitest';
import type { Finished, Rendered } from '../../src/index.ts';
import { findProgram, objectsOf, run, stagedAgentChart } from '../../src/index.ts';

const helm = await findProgram('helm', process.env);

/** Tests that need Helm; said loudly when there is none. */
export function withHelm(title: string, tests: () => void): void {
  if (helm === undefined) {
    process.stderr.write(`\n######## SKIPPED: ${title}: no helm in $HELM, on PATH or from tools/cluster ########\n`);
  }
  describe.skipIf(helm === undefined)(title, tests);
}

export interface Rendering {
  readonly release?: string;
  readonly namespace?: string;
  /** Values files, the last one winning. */
  readonly files?: readonly string[];
  readonly values?: object;
  /** A values file as text, before `values`. */
  readonly text?: string;
  readonly kubernetes?: string;
  /** As against a cluster, of which Helm knows the kinds. */
  readonly asInstalled?: boolean;
}

export interface Charts {
  /** What Helm says to these values, whatever it says. */
  attempt(rendering?: Rendering): Promise<Finished>;
  /** The objects of a release. Throws with what Helm said when there are none. */
  render(rendering?: Rendering): Promise<readonly Rendered[]>;
}

export async function helmCommand(args: readonly string[], input?: string): Promise<Finished> {
  if (helm === undefined) throw new Error('there is no helm');
  return await run(helm, args, input);
}

/** One level deep, which is all that tests need. */
function merged(text: string | undefined, values: object | undefined): string | undefined {
  if (text === undefined && values === undefined) return undefined;
  const below: unknown = text === undefined ? {} : parse(text);
  return JSON.stringify({ ...(below as object), ...values });
}

/** Renders a chart that stands in a folder. */
export function chartsIn(folder: () => string): Charts {
  const attempt = ({
    release = 'demo',
    namespace = 'runner',
    files = [],
    kubernetes = '1.34.0',
    asInstalled = false,
    text,
    values,
  }: Rendering = {}) => {
    const written = merged(text, values);
    return helmCommand(
      [
        ...['template', release, folder(), '--namespace', namespace, '--kube-version', kubernetes],
        ...(asInstalled ? ['--api-versions', 'v1/Pod'] : []),
        ...files.flatMap((file) => ['--values', file]),
        ...(written === undefined ? [] : ['--values', '-']),
      ],
      written,
    );
  };
  return {
    attempt,
    render: async (rendering) => {
      const { code, stdout, stderr } = await attempt(rendering);
      if (code !== 0) throw new Error(stderr);
      return objectsOf(stdout);
    },
  };
}

/** The agent's chart with the stand-in of Argo, staged for the tests of this file. */
export function agentCharts(): Charts {
  let staged: Awaited<ReturnType<typeof stagedAgentChart>> | undefined;
  beforeAll(async () => {
    staged = await stagedAgentChart();
  });
  afterAll(async () => {
    await staged?.[Symbol.asyncDispose]();
  });
  return chartsIn(() => staged?.folder ?? '');
}

/** Not a token, but of the form of one. */
export const FAKE_TOKEN = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJmYWtlIn0.not-a-signature';

/** The least that a release needs, with more below `config`. */
export function least(config: object = {}, more: object = {}): object {
  return { config: { authToken: FAKE_TOKEN, serverHost: 'runner.example.test', ...config }, ...more };
}
