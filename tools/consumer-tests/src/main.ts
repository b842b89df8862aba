import { execFileSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { copyExample } from './example.ts';
import type { Library } from './library.ts';
import { readLibrary, runtimes, tarballsOf } from './library.ts';
import { consumerSources } from './sources.ts';

/**
 * The first user of every package is this script: each library is packed as it would be published, installed alone
 * from its tarball (with only the tarballs of ours that it names), then imported, required and type-checked. The example
 * that takes its password from a store runs from the tarballs as well.
 */
const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
/** Names of libraries, to try these alone. */
const only: readonly string[] = process.argv.slice(2);
const work = mkdtempSync(join(tmpdir(), 'runner-consumers-'));

/** The outer npm's settings would point the inner npm at this workspace. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^npm_(config_(local_prefix|workspace)|package_|lifecycle_)/i.test(name),
    ),
  );
}

function run(command: string, args: readonly string[], cwd: string): string {
  return execFileSync(command, args, {
    cwd,
    env: cleanEnvironment(),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function pack(): Map<string, Library> {
  const libraries = new Map<string, Library>();
  const target = join(work, 'tarballs');
  mkdirSync(target);
  for (const folder of readdirSync(join(root, 'packages'))) {
    const library = readLibrary(join(root, 'packages', folder));
    const [packed] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', target], library.folder)) as {
      filename: string;
    }[];
    if (packed === undefined) throw new Error(`nothing was packed for ${library.name}`);
    libraries.set(library.name, { ...library, tarball: join(target, packed.filename) });
  }
  return libraries;
}

function install(library: Library, libraries: ReadonlyMap<string, Library>): string {
  const folder = join(work, library.name.replace('@runner/', ''));
  mkdirSync(folder);
  const tools = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>;
  };
  const pinned = (name: string): string => {
    const version = tools.devDependencies[name];
    if (version === undefined) throw new Error(`${name} is not pinned in the root package.json`);
    return version;
  };
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({
      name: 'consumer',
      private: true,
      type: 'module',
      dependencies: { ...tarballsOf(library, libraries), ...library.peers },
      devDependencies: { typescript: pinned('typescript'), '@types/node': pinned('@types/node') },
    }),
  );
  run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], folder);
  for (const [name, text] of Object.entries(consumerSources(library))) writeFileSync(join(folder, name), text);
  return folder;
}

const MOST_IMPORT_MS = 30;
const IMPORTS = 10;

/** The fastest of several fresh processes: the one that the rest of the machine disturbed least. */
function importedFast(node: string, name: string, folder: string): void {
  const script = `const began = performance.now(); await import('${name}'); process.stdout.write(String(performance.now() - began));`;
  const times = Array.from({ length: IMPORTS }, () => Number(run(node, ['--input-type=module', '-e', script], folder)));
  const fastest = Math.min(...times);
  if (!(fastest <= MOST_IMPORT_MS)) throw new Error(`it took ${fastest.toFixed(1)} ms`);
}

let passed = 0;
const failures: string[] = [];
function check(title: string, action: () => void): void {
  try {
    action();
    passed += 1;
    console.log(`ok    ${title}`);
  } catch (error) {
    const output = error as { stdout?: string; stderr?: string; message?: string };
    failures.push(title);
    console.log(`FAIL  ${title}\n${output.stdout ?? ''}${output.stderr ?? ''}${output.message ?? ''}`);
  }
}

try {
  const libraries = pack();
  const nodes = runtimes(work, (args, cwd) => run('npm', args, cwd));
  for (const library of libraries.values()) {
    if (only.length > 0 && !only.includes(library.name)) continue;
    let folder = '';
    check(`${library.name} installs alone from its tarball`, () => {
      folder = install(library, libraries);
    });
    if (folder === '') continue;
    for (const [version, node] of nodes) {
      check(`${library.name} is imported on Node ${version}`, () => run(node, ['import.mjs'], folder));
      if (library.name === '@runner/secrets') {
        const title = `${library.name} is imported within ${MOST_IMPORT_MS} ms on Node ${version}`;
        check(title, () => importedFast(node, library.name, folder));
      }
      for (const command of library.commands) {
        const path = join('node_modules/.bin', command);
        check(`${command} says what it does on Node ${version}`, () => run(node, [path, 'help'], folder));
      }
      check(`${library.name} is required on Node ${version}`, () => run(node, ['require.cjs'], folder));
    }
    check(`${library.name} type-checks in ESM and CommonJS`, () => run('npx', ['tsc', '-p', '.'], folder));
  }
  let example = '';
  if (only.length === 0)
    check('secrets-in-a-service installs with the tarballs', () => {
      const folder = copyExample(root, work, libraries);
      run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], folder);
      example = folder;
    });
  for (const [version, node] of example === '' ? [] : nodes) {
    check(`secrets-in-a-service goes on after a rotation on Node ${version}`, () => {
      const said = run(node, ['--disable-warning=ExperimentalWarning', 'prove.mjs'], example);
      if (said.trim() !== 'proved') throw new Error(`it said ${JSON.stringify(said)}`);
    });
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
console.log(`consumers: ${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;
