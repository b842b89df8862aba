import { defineConfig } from 'tsup';
import type { Options } from 'tsup';
import { appBase } from '../../tsup.base.js';

export const options: Options = {
  ...appBase,
  entry: ['src/main.ts'],
  // Everything but the page to try the API, which needs its own files beside it. The embedded PostgreSQL is looked for at
  // run time and never imported.
  noExternal: [/^(?!@fastify\/swagger-ui$)/],
  esbuildOptions: (esbuild) => {
    // The sources of our packages, so that the bundle is what was tested and never an older build.
    esbuild.conditions = ['@runner/source'];
  },
};

export default defineConfig(options);
