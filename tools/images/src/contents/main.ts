/**
 * Runs inside of the Dockerfiles, in the folder of the bundled project, with Node alone:
 *   node ../../tools/images/src/contents/main.ts METAFILE PACKAGE_JSON OUTPUT_FOLDER
 * Writes sbom.cdx.json and THIRD-PARTY-LICENSES.txt about what the bundle really holds.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { Metafile } from './bundled.ts';
import { bundledPackages } from './bundled.ts';
import type { Application } from './cyclonedx.ts';
import { billOf } from './cyclonedx.ts';
import { noticesOf } from './notices.ts';

interface Lock {
  readonly packages: Readonly<Record<string, { readonly integrity?: string }>>;
}

const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));

function main([metafile, manifest, output]: readonly string[]): void {
  if (metafile === undefined || manifest === undefined || output === undefined) {
    throw new Error('needed: a metafile of esbuild, a package.json, a folder for the results');
  }
  const repository = resolve(import.meta.dirname, '../../../..');
  const project = relative(repository, process.cwd());
  const packages = bundledPackages(readJson(metafile) as Metafile, project, repository);
  const lock = readJson(join(repository, 'package-lock.json')) as Lock;
  const bill = billOf(readJson(manifest) as Application, packages, (folder) => lock.packages[folder]?.integrity);
  writeFileSync(join(output, 'sbom.cdx.json'), `${JSON.stringify(bill, undefined, 2)}\n`);
  writeFileSync(join(output, 'THIRD-PARTY-LICENSES.txt'), noticesOf(packages));
  process.stdout.write(`${packages.length} packages are in the bundle of ${project}\n`);
}

main(process.argv.slice(2));
