import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);

const LIST_IMPORTS = `
import { registerHooks } from 'node:module';
const loaded = [];
const DOORS = ['', '/file', '/env', '/kubernetes', '/aws', '/azure', '/gcp', '/testing/servers'].map((door) => '@runner/secrets' + door);
registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context); } });
await Promise.all(DOORS.map((door) => import(door)));
console.log(JSON.stringify(loaded));
`;

it('loading the package loads Node itself, @runner/core and nothing else', async () => {
  const { stdout } = await run(
    process.execPath,
    ['--conditions=@runner/source', '--disable-warning=ExperimentalWarning', '--input-type=module', '-e', LIST_IMPORTS],
    { cwd: import.meta.dirname },
  );
  const loaded = JSON.parse(stdout) as string[];
  const own = loaded.filter((url) => /\/packages\/(secrets|core)\/src\//.test(url));
  expect(own.length).toBeGreaterThan(10);
  expect(loaded.filter((url) => !own.includes(url) && !url.startsWith('node:'))).toEqual([]);
});
