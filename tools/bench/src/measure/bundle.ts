import { build } from 'esbuild';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { REPOSITORY } from './folder.ts';

/**
 * Bundles programs of this repository from their sources as apps/agent/tsup.config.ts does, so that a process loads what
 * it would load in production.
 * @param entries name of the bundle → path in the repository
 */
export async function bundle(entries: Readonly<Record<string, string>>, folder: string): Promise<void> {
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await build({
    entryPoints: Object.fromEntries(Object.entries(entries).map(([name, path]) => [name, join(REPOSITORY, path)])),
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    conditions: ['@runner/source', 'module', 'import', 'node'],
    minifyWhitespace: true,
    minifySyntax: true,
    // CommonJS dependencies inside an ESM bundle still call require().
    banner: { js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);" },
    logLevel: 'error',
  });
}
