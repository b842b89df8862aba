import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileProvider } from '@runner/secrets/file';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/** A program of every Unix. */
const MAKE_PIPE = 'mkfifo';

async function folder() {
  const base = await mkdtemp(join(tmpdir(), 'secrets-'));
  const inside = join(base, 'inside');
  await mkdir(inside);
  await writeFile(join(base, 'outside'), 'outside');
  const provider = createFileProvider({ folder: inside });
  return {
    base,
    inside,
    read: (id: string) => provider.fetch(id, { signal: new AbortController().signal }),
    put: (id: string, value: string | Uint8Array, mode = 0o600) => writeFile(join(inside, id), value, { mode }),
    [Symbol.asyncDispose]: () => rm(base, { recursive: true }),
  };
}

describe('a folder of secrets', () => {
  it('maps an id with slashes to a sub-folder, with or without a slash in front', async () => {
    await using place = await folder();
    await mkdir(join(place.inside, 'my/database'), { recursive: true });
    await place.put('my/database/password', 'value');
    expect((await place.read('/my/database/password')).value.reveal()).toBe('value');
    expect((await place.read('my/database/password')).value.reveal()).toBe('value');
  });

  it('warns about a file that others may read, and not about one of its owner alone', async () => {
    await using place = await folder();
    await place.put('open', 'value');
    await chmod(join(place.inside, 'open'), 0o644);
    await place.put('closed', 'value', 0o600);
    expect((await place.read('open')).warnings.map(({ code }) => code)).toEqual(['file_mode_open']);
    expect((await place.read('closed')).warnings).toEqual([]);
  });

  it('follows links inside it, as Kubernetes mounts secrets, and sees them swapped', async () => {
    await using place = await folder();
    await mkdir(join(place.inside, 'v1'));
    await mkdir(join(place.inside, 'v2'));
    await place.put('v1/db', 'old');
    await place.put('v2/db', 'new');
    await symlink('v1', join(place.inside, 'data'));
    await symlink('data/db', join(place.inside, 'db'));
    expect((await place.read('db')).value.reveal()).toBe('old');
    await symlink('v2', join(place.inside, 'tmp'));
    await rename(join(place.inside, 'tmp'), join(place.inside, 'data'));
    expect((await place.read('db')).value.reveal()).toBe('new');
  });

  it('refuses links that lead out of it, be it to a file, through a folder or by an absolute path', async () => {
    await using place = await folder();
    await symlink('../outside', join(place.inside, 'file'));
    await symlink('..', join(place.inside, 'up'));
    await symlink(join(place.base, 'outside'), join(place.inside, 'absolute'));
    await symlink('circle', join(place.inside, 'circle'));
    for (const id of ['file', 'up/outside', 'absolute', 'circle']) {
      await expect(place.read(id)).rejects.toMatchObject({ code: 'secret_forbidden' });
    }
  });

  it('may be reached through a link itself', async () => {
    await using place = await folder();
    await place.put('db', 'value');
    await symlink(place.inside, join(place.base, 'link'));
    const provider = createFileProvider({ folder: join(place.base, 'link') });
    const { value } = await provider.fetch('db', { signal: new AbortController().signal });
    expect(value.reveal()).toBe('value');
  });

  it('never reads a file outside it, whatever the id', async () => {
    await using place = await folder();
    const segment = fc.constantFrom('..', '.', '', 'outside', 'inside', '/', '\\', '%2e%2e', '..;', '~', '\0', 'a');
    await fc.assert(
      fc.asyncProperty(fc.array(segment, { maxLength: 8 }), fc.constantFrom('/', '//', '\\'), async (parts, slash) => {
        const outcome = await place.read(parts.join(slash)).catch((error: unknown) => (error as { code: string }).code);
        expect(['secret_malformed_id', 'secret_not_found', 'secret_forbidden']).toContain(outcome);
      }),
    );
  });

  it('does not wait for the writer of a named pipe', async () => {
    await using place = await folder();
    execFileSync(MAKE_PIPE, [join(place.inside, 'pipe')]);
    await expect(place.read('pipe')).rejects.toMatchObject({ code: 'secret_misconfigured' });
  });

  it('refuses a file larger than it may be, and one that is no text', async () => {
    await using place = await folder();
    await place.put('large', 'x'.repeat(101));
    await place.put('binary', Uint8Array.of(0xc3, 0x28));
    const small = createFileProvider({ folder: place.inside, maxBytes: 100 });
    const { signal } = new AbortController();
    await expect(small.fetch('large', { signal })).rejects.toMatchObject({ code: 'secret_misconfigured' });
    await expect(small.fetch('binary', { signal })).rejects.toMatchObject({ code: 'secret_binary' });
  });

  it('tells a folder that is not there from a secret that is not there', async () => {
    await using place = await folder();
    await expect(place.read('nosuch')).rejects.toMatchObject({ code: 'secret_not_found' });
    await expect(place.read('no/such')).rejects.toMatchObject({ code: 'secret_not_found' });
    await rm(place.inside, { recursive: true });
    await expect(place.read('nosuch')).rejects.toMatchObject({ code: 'secret_misconfigured' });
  });

  it('says who may not read, where the system refuses', async () => {
    await using place = await folder();
    await place.put('db', 'value', 0o000);
    await asSomebodyElse(async () => {
      await expect(place.read('db')).rejects.toMatchObject({
        code: 'secret_forbidden',
        details: { id: 'db', identity: expect.stringContaining('uid') as unknown },
      });
    });
  });
});

/** The superuser may read everything, so tests that run as root step down for a moment. */
async function asSomebodyElse(work: () => Promise<void>): Promise<void> {
  if (process.geteuid?.() !== 0) return work();
  process.seteuid?.(65_534);
  try {
    await work();
  } finally {
    process.seteuid?.(0);
  }
}
