import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Library {
  readonly name: string;
  readonly folder: string;
  readonly tarball: string;
  /** Doors that work with nothing installed beside the package. */
  readonly doors: readonly string[];
  /** Doors that need a peer. */
  readonly peerDoors: readonly string[];
  /** What is installed beside the package; optional SDKs are not, and every door has to do without them. */
  readonly peers: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  /** Names of commands that are installed with it. */
  readonly commands: readonly string[];
}

interface Manifest {
  readonly bin?: Readonly<Record<string, string>>;
  readonly name: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** Optional peers that a door of their own imports at once: whoever opens that door has them. */
const HAVE_DOORS: ReadonlySet<string> = new Set(['vitest', 'ws']);

export function readLibrary(folder: string): Library {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  const doors = Object.keys(manifest.exports).filter((door) => door !== './package.json');
  const peers = Object.fromEntries(
    Object.entries(manifest.peerDependencies ?? {}).filter(
      ([peer]) => HAVE_DOORS.has(peer) || manifest.peerDependenciesMeta?.[peer]?.optional !== true,
    ),
  );
  // vitest stands behind the /testing doors and cannot be imported outside a test run.
  const outside = (door: string): boolean => !(door === './testing' && 'vitest' in peers);
  return {
    name: manifest.name,
    folder,
    tarball: '',
    doors: doors.filter(outside),
    peerDoors: doors.filter((door) => !outside(door)),
    peers,
    dependencies: manifest.dependencies ?? {},
    commands: Object.keys(manifest.bin ?? {}),
  };
}

/** The library's own tarball and those of ours that it needs, transitively; nothing else of this workspace. */
export function tarballsOf(
  library: Pick<Library, 'name'>,
  libraries: ReadonlyMap<string, Library>,
): Record<string, string> {
  const wanted: Record<string, string> = {};
  const visit = (name: string): void => {
    const found = libraries.get(name);
    if (found === undefined || name in wanted) return;
    wanted[name] = `file:${found.tarball}`;
    Object.keys(found.dependencies).forEach(visit);
  };
  visit(library.name);
  return wanted;
}

/** Oldest supported Node and the newest one we build with, fetched as npm packages. */
const VERSIONS = ['22.19.0', '24.21.0'] as const;

export function runtimes(
  work: string,
  npm: (args: readonly string[], cwd: string) => string,
): readonly (readonly [version: string, program: string])[] {
  return VERSIONS.map((version) => {
    const folder = join(work, `node-${version}`);
    mkdirSync(folder);
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({ private: true, dependencies: { node: version }, allowScripts: { node: true } }),
    );
    npm(['install', '--no-audit', '--no-fund', '--loglevel=error'], folder);
    return [version, join(folder, 'node_modules/node/bin/node')] as const;
  });
}
