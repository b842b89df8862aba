import type { Options } from 'tsup';

/** Shared by every library: one ESM build, no declarations (`tsc -b` writes those). */
export const base: Options = {
  format: 'esm',
  target: 'node22',
  platform: 'node',
  dts: false,
  splitting: true,
  sourcemap: true,
  clean: true,
  tsconfig: 'tsconfig.lib.json',
};

/** Shared by the applications: everything in one file that starts in an empty folder. */
export const appBase: Options = {
  ...base,
  noExternal: [/.*/],
  splitting: false,
  // CommonJS dependencies inside an ESM bundle still call require().
  banner: {
    js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);",
  },
};
