import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createEnvProvider, secretVariable } from '@runner/secrets/env';
import { createFileProvider } from '@runner/secrets/file';
import type { ProviderHarness } from '@runner/secrets/testing';
import { createMemoryProvider, secretProviderContract } from '@runner/secrets/testing';
import { secretError } from '@runner/secrets';

interface FolderHarness extends ProviderHarness {
  readonly folder: string;
  readonly base: string;
}

async function inAFolder(): Promise<FolderHarness> {
  const base = await mkdtemp(join(tmpdir(), 'secrets-'));
  const folder = join(base, 'secrets');
  await mkdir(folder);
  return {
    base,
    folder,
    provider: createFileProvider({ folder }),
    put: async (id, value) => {
      await mkdir(dirname(join(folder, id)), { recursive: true });
      await writeFile(join(folder, id), value, { mode: 0o600 });
    },
    remove: (id) => rm(join(folder, id)),
    [Symbol.asyncDispose]: () => rm(base, { recursive: true }),
  };
}

secretProviderContract('a folder of files', {
  make: inAFolder,
  ids: ['demo-db-password', 'team/database/password'],
  malformedIds: ['..', '../x', 'a/../../x', 'a/./b', 'a//b', 'a/', '//etc/passwd', 'a\\..\\b', 'C:x'],
  largestBytes: 10 * 1024 * 1024,
  faults: [
    {
      code: 'secret_forbidden',
      arrange: async (harness) => {
        const { base, folder } = harness as FolderHarness;
        await writeFile(join(base, 'outside'), 'value of somebody else');
        await symlink('../outside', join(folder, 'link'));
        return 'link';
      },
    },
    {
      code: 'secret_misconfigured',
      arrange: async (harness) => {
        await rm((harness as FolderHarness).folder, { recursive: true });
        return 'any';
      },
    },
    {
      code: 'secret_not_found',
      arrange: async (harness) => {
        await mkdir(join((harness as FolderHarness).folder, 'folder'));
        return 'folder';
      },
    },
  ],
});

secretProviderContract('the environment', {
  make: () => {
    const env: Record<string, string | undefined> = {};
    return Promise.resolve({
      provider: createEnvProvider({ env }),
      put: (id, value) => {
        env[secretVariable(id)] = typeof value === 'string' ? value : Buffer.from(value).toString('utf8');
        return Promise.resolve();
      },
      remove: (id) => {
        env[secretVariable(id)] = undefined;
        return Promise.resolve();
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  },
  ids: ['demo-db-password', '/team/database/password'],
  malformedIds: ['../x', 'a=b', 'ä'],
});

secretProviderContract('memory', {
  make: () => {
    const provider = createMemoryProvider();
    return Promise.resolve({
      provider,
      put: (id, value) => {
        provider.set(id, value);
        return Promise.resolve();
      },
      remove: (id) => {
        provider.delete(id);
        return Promise.resolve();
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  },
  ids: ['one', 'two'],
  faults: [
    {
      code: 'secret_throttled',
      arrange: ({ provider }) => {
        const facts = { provider: 'memory', id: 'one' };
        (provider as ReturnType<typeof createMemoryProvider>).fail(
          'one',
          secretError('secret_throttled', 'slow', facts),
        );
        return Promise.resolve('one');
      },
    },
  ],
});
