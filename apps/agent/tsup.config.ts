import { defineConfig } from 'tsup';
import type { Options } from 'tsup';
import { appBase } from '../../tsup.base.js';

export const options: Options = {
  ...appBase,
  // What only some configurations need (the vendor's Kubernetes client, the clouds' SDKs) stays in files of its own, which
  // are read when they are asked for: text that is not read takes no memory.
  splitting: true,
  // The local executor starts its supervisor as a program of its own, which it looks for beside itself.
  entry: { main: 'src/main.ts', supervisor: '../../packages/executor-local/src/supervisor.ts' },
  esbuildOptions: (esbuild) => {
    // The sources of our packages, so that the bundle is what was tested and never an older build.
    esbuild.conditions = ['@runner/source', 'module', 'import', 'node'];
    // The engine keeps the text of what it runs: shorter text is 5 MB less memory. Names stay, for stack traces.
    esbuild.minifyWhitespace = true;
    esbuild.minifySyntax = true;
  },
};

export default defineConfig(options);
