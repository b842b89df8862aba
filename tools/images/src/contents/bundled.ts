import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** What is read of a metafile of esbuild. Paths are relative to the folder of the bundled project. */
export interface Metafile {
  readonly outputs: Readonly<
    Record<string, { readonly inputs: Readonly<Record<string, { readonly bytesInOutput: number }>> }>
  >;
}

/** One npm package of which at least a byte is in the bundle. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** As its package.json has it; undefined where that has none. */
  readonly license: string | undefined;
  /** Folder in the repository, with slashes: its key in package-lock.json. */
  readonly folder: string;
  /** Texts of its licence and notices, by file name. */
  readonly notices: readonly { readonly file: string; readonly text: string }[];
  /** One of this repository. */
  readonly ours: boolean;
}

const NOTICE = /^(licen[cs]e|notice|copying)([-.]|$)/i;
const IN_MODULES = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/;
const OURS = /^packages\/[^/]+/;

/** Folders of the packages whose text is in the bundle, sorted. Pure. @param project its folder in the repository */
export function bundledFolders({ outputs }: Metafile, project: string): readonly string[] {
  const folders = new Set<string>();
  for (const { inputs } of Object.values(outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const fromRoot = join(project, path).replaceAll('\\', '/');
      const folder = (IN_MODULES.exec(fromRoot) ?? OURS.exec(fromRoot))?.[0];
      if (bytesInOutput > 0 && folder !== undefined) folders.add(folder);
    }
  }
  return [...folders].sort();
}

/** Reads what a package says of itself. @param repository root folder */
export function readPackage(repository: string, folder: string): BundledPackage {
  const path = join(repository, folder);
  const { name, version, license } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as {
    name: string;
    version: string;
    license?: unknown;
  };
  const files = readdirSync(path).filter((file) => NOTICE.test(file) && !file.endsWith('.js'));
  return {
    ...{ name, version, folder },
    license: typeof license === 'string' ? license : undefined,
    notices: files.sort().map((file) => ({ file, text: readFileSync(join(path, file), 'utf8') })),
    ours: OURS.test(folder),
  };
}

/** The packages of a bundle. A folder inside a package (`{"type":"module"}` and no name) is never one: the path says so. */
export function bundledPackages(metafile: Metafile, project: string, repository: string): readonly BundledPackage[] {
  return bundledFolders(metafile, project)
    .filter((folder) => existsSync(join(repository, folder, 'package.json')))
    .map((folder) => readPackage(repository, folder));
}
