import { defineConfig } from 'tsup';
import type { Options } from 'tsup';
import { appBase } from '../../tsup.base.js';

export const options: Options = {
  ...appBase,
  // What only some configurations need (the vendor's Kubernetes client, the clouds' SDKs) stays in files of its own, which
  // are read when they are asked for: text that is not read takes no memory.
  splitting: true,
  // The local executor starts its supervisor, and what redacts the logs of programs, as programs of their own, which are
  // looked for beside itself.
  entry: {
    main: 'src/main.ts',
    supervisor: '../../packages/executor-local/src/supervisor.ts',
    'runner-secrets': '../../packages/secrets/src/cli.ts',
  },
  esbuildOptions: (esbuild) => {
    // The sources of our packages, so that the bundle is what was tested and never an older build.
    esbuild.conditions = ['@runner/source', 'module', 'import', 'node'];
    // CommonJS dependencies (Google's) look for files beside themselves as they are loaded, and find none they need.
    esbuild.define = { ...esbuild.define, __dirname: 'import.meta.dirname' };
    // The engine keeps the text of what it runs: shorter text is 5 MB less memory. Names stay, for stack traces.
    esbuild.minifyWhitespace = true;
    esbuild.minifySyntax = true;
  },
};

export default defineConfig(options);
