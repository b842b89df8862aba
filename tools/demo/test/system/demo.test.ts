import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/condition.ts';
import { startDemo } from '../support/demo.ts';
import { processesOf } from '../support/process-table.ts';

async function inAFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'demo-'));
  return {
    folder,
    isQuiet: () => eventually('no process is left', async () => (await processesOf(folder)).length === 0),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

async function everythingIn(folder: string): Promise<string> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const texts = files
    .filter((file) => file.isFile() && !/\/(postgres|secrets)(\/|$)/.test(file.parentPath))
    .map((file) => readFile(join(file.parentPath, file.name), 'utf8'));
  return (await Promise.all(texts)).join('\n');
}

describe('npm start', () => {
  it('catalogues a real database through control plane and agent, again and again, and leaves nothing behind', async () => {
    await using place = await inAFolder();
    for (const round of ['first', 'again']) {
      await using demo = startDemo(place.folder, '--once');
      expect(await demo.ended, `${round}:\n${demo.output()}`).toBe(0);
      expect(demo.output()).toMatch(/│ tables +│ +16 │/);
      expect(demo.output()).toMatch(/│ rows profiled +│ +62,209 │/);
      expect(demo.output()).toContain('Profiled sales.reviews');
      await place.isQuiet();
    }

    const password = await readFile(join(place.folder, 'secrets', 'demo-db-password'), 'utf8');
    expect(password).toMatch(/^[\w-]{24}$/);
    expect(await everythingIn(place.folder)).not.toContain(password);
  });

  it('stays with --keep until Ctrl-C, and tells a second one that it is there', async () => {
    await using place = await inAFolder();
    await using demo = startDemo(place.folder, '--keep');
    await demo.says('Ctrl-C ends everything.');
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(demo.output())?.[0] ?? '';
    expect((await fetch(`${url}/docs`)).status).toBe(200);
    expect((await processesOf(place.folder)).length).toBeGreaterThan(4);

    await using second = startDemo(place.folder, '--once');
    expect(await second.ended).toBe(1);
    expect(second.output()).toContain(`a demo is running in ${place.folder} already`);

    demo.signal('SIGINT');
    expect(await demo.ended).toBe(0);
    await place.isQuiet();
  });

  it('ends everything on Ctrl-C in the middle of a run, the workload too', async () => {
    await using place = await inAFolder();
    await using demo = startDemo(place.folder, '--keep');
    await demo.says('Triggered run');
    demo.signal('SIGINT');
    expect(await demo.ended).toBe(130);
    await place.isQuiet();
  });

  it('works again after it was killed', async () => {
    await using place = await inAFolder();
    await using killed = startDemo(place.folder, '--keep');
    await killed.says('Triggered run');
    killed.signal('SIGKILL');
    expect(await killed.ended).toBe('SIGKILL');

    await using demo = startDemo(place.folder, '--once');
    expect(await demo.ended, demo.output()).toBe(0);
    expect(demo.output()).toContain('that a killed demo left behind');
    await place.isQuiet();
  });

  it('says why when it does not work', async () => {
    await using place = await inAFolder();
    await using first = startDemo(place.folder, '--keep');
    await first.says('Starting the agent');
    first.signal('SIGTERM');
    expect(await first.ended).toBe(143);
    await rm(join(place.folder, 'control-plane', 'admin-token'));

    await using demo = startDemo(place.folder, '--once');
    expect(await demo.ended).toBe(1);
    expect(demo.output()).toContain('It did not work: the admin token in');
    expect(demo.output()).toContain('What helps: ');
    await place.isQuiet();
  });
});
