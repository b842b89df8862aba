import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { outputOf, shown, tried } from '../programs.ts';
import type { BuildOrder, Engine } from './engine.ts';

/**
 * buildah, which needs no daemon. Steps run in a chroot with the network of this machine: that works where nothing may
 * make namespaces of its own, and it is no border, which the Dockerfiles of this repository do not need.
 * @param folder its storage, and the downloads of npm from build to build
 */
export async function buildah(folder: string): Promise<Engine> {
  const downloads = join(folder, 'npm');
  await mkdir(downloads, { recursive: true });
  const storage = ['--root', join(folder, 'storage'), '--runroot', join(folder, 'run')];
  // Copying every file of every step works everywhere and takes minutes.
  const overlay = await tried('buildah', [...storage, '--storage-driver', 'overlay', 'info']);
  const global = [...storage, '--storage-driver', overlay.ok ? 'overlay' : 'vfs'];
  return {
    name: `buildah (${overlay.ok ? 'overlay' : 'vfs'})`,
    build: async (order) => {
      await shown('buildah', [...global, 'bud', ...buildWords(order, downloads)], order.context);
      // What a build leaves without a name is as large as node_modules.
      await tried('buildah', [...global, 'rmi', '--prune']);
    },
    load: async (archive) => {
      await outputOf('buildah', [...global, 'pull', '--quiet', `docker-archive:${archive}`]);
    },
    save: async (tag, archive) => {
      await outputOf('buildah', [...global, 'push', '--quiet', tag, `docker-archive:${archive}:${tag}`]);
    },
  };
}

/** The words after `buildah bud`. Pure. */
export function buildWords(order: BuildOrder, downloads: string): readonly string[] {
  const { dockerfile, tag, args, secrets, timestamp, neverPull } = order;
  return [
    ...['--isolation', 'chroot', '--network', 'host', '--layers=false'],
    ...(neverPull ? ['--pull-never'] : []),
    ...['--volume', `${downloads}:/root/.npm:rw`],
    ...['--secret', `id=npmrc,src=${secrets.npmrc}`],
    ...(secrets.ca === undefined ? [] : ['--secret', `id=npm-ca,src=${secrets.ca}`]),
    ...Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
    ...['--timestamp', String(timestamp)],
    ...['--ignorefile', `${dockerfile}.dockerignore`, '--file', dockerfile, '--tag', tag, '.'],
  ];
}
