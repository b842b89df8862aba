import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';

// Tests read the sources of every package, never dist.
// `module` is for bundlers: what AWS ships under it is not loadable by Node.
const conditions = ['@runner/source', ...defaultServerConditions.filter((name) => name !== 'module')];
const kind = (name: string, testTimeout: number, more: { readonly fileParallelism?: boolean } = {}) => ({
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
    passWithNoTests: false,
    projects: [
      kind('unit', 10_000),
      kind('contract', 20_000),
      kind('wire', 20_000),
      kind('model', 300_000),
      kind('system', 120_000),
      // One cluster serves all: a file that stops its API server would break the others.
      kind('e2e', 300_000, { fileParallelism: false }),
      // The vendors' SDKs against moto and our own servers; needs Python and the network once.
      kind('providers', 120_000),
    ],
  },
});
