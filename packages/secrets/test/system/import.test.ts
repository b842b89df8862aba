import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);

const LIST_IMPORTS = `
import { registerHooks } from 'node:module';
const loaded = [];
const DOORS = JSON.parse(process.argv[1]);
registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context); } });
await Promise.all(DOORS.map((door) => import(door)));
console.log(JSON.stringify(loaded));
`;

it('loading every door of the package loads Node itself, @runner/core and nothing else', async () => {
  const manifest = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
    readonly exports: Readonly<Record<string, unknown>>;
  };
  // The suite for providers is made for vitest and loads it.
  const doors = Object.keys(manifest.exports)
    .filter((door) => door !== './testing' && door !== './package.json')
    .map((door) => `@runner/secrets${door.slice(1)}`);
  expect(doors).toContain('@runner/secrets/exec');
  const { stdout } = await run(
    process.execPath,
    [
      ...['--conditions=@runner/source', '--disable-warning=ExperimentalWarning', '--input-type=module'],
      ...['-e', LIST_IMPORTS, JSON.stringify(doors)],
    ],
    { cwd: import.meta.dirname },
  );
  const loaded = JSON.parse(stdout) as string[];
  const own = loaded.filter((url) => /\/packages\/(secrets|core)\/src\//.test(url));
  expect(own.length).toBeGreaterThan(10);
  expect(loaded.filter((url) => !own.includes(url) && !url.startsWith('node:'))).toEqual([]);
});
