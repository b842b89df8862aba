import { defaultServerConditions } from 'vite';
import type { TestProjectInlineConfiguration } from 'vitest/config';
import { defineConfig } from 'vitest/config';

type ProjectTest = NonNullable<TestProjectInlineConfiguration['test']>;

// Tests read the sources of every package, never dist.
// `module` is for bundlers: what AWS ships under it is not loadable by Node.
const conditions = ['@runner/source', ...defaultServerConditions.filter((name) => name !== 'module')];
const kind = (name: string, testTimeout: number, more: ProjectTest = {}) => ({
  extends: true as const,
  test: {
    name,
    testTimeout,
    hookTimeout: testTimeout,
    ...more,
    include: [`{packages,apps,tools,examples}/*/test/${name}/**/*.test.ts`],
  },
});

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    retry: 0,
    // Most tests wait most of their time; one core less, as is usual, is half of a small machine.
    maxWorkers: '100%',
    passWithNoTests: false,
    projects: [
      kind('unit', 30_000),
      kind('contract', 60_000),
      kind('wire', 60_000),
      kind('model', 300_000),
      kind('system', 120_000),
      // One cluster serves all: what fills it, or stops its API server, comes afterwards and one by one.
      kind('e2e', 600_000, { maxWorkers: 3, sequence: { groupOrder: 1 } }),
      kind('e2e-alone', 600_000, { fileParallelism: false, sequence: { groupOrder: 2 } }),
      // The vendors' SDKs against moto and our own servers; needs Python and the network once.
      kind('providers', 120_000),
      // What the charts render; needs Helm.
      kind('charts', 120_000),
    ],
  },
});
