import { outputOf, tried } from '../programs.ts';
import { buildah } from './buildah.ts';
import { docker } from './docker.ts';
import type { Engine } from './engine.ts';

/** Why no image can be built on this machine; undefined when one can, perhaps after an installation. */
export async function missingEngine(): Promise<string | undefined> {
  if ((await tried('docker', ['info'])).ok || (await tried('buildah', ['--version'])).ok) return undefined;
  if (process.getuid?.() === 0 && (await tried('apt-get', ['--version'])).ok) return undefined;
  return 'there is neither a Docker that answers nor buildah, and root with apt-get, who could install it, is not here';
}

/**
 * Docker where its daemon answers, else buildah, which is installed from Debian's packages where that can be done.
 * @param folder where buildah keeps what it has
 * @throws when there is none
 */
export async function chooseEngine(folder: string): Promise<Engine> {
  const missing = await missingEngine();
  if (missing !== undefined) throw new Error(missing);
  if ((await tried('docker', ['info'])).ok) return docker;
  if (!(await tried('buildah', ['--version'])).ok) {
    await outputOf('apt-get', ['update', '-qq']);
    await outputOf('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'buildah']);
  }
  return await buildah(folder);
}
