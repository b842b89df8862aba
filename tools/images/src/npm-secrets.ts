import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildSecrets } from './engine/engine.ts';
import { npmrcText } from './npmrc.ts';
import { tried } from './programs.ts';

/** Where the Dockerfiles mount it. */
const CA_IN_BUILD = '/run/npm-ca.pem';
const NETWORK = ['proxy', 'https-proxy', 'noproxy', 'strict-ssl', 'fetch-retries', 'fetch-timeout'] as const;
const UNSET = ['', 'null', 'undefined'];

/** Writes what npm needs inside of a build, readable by its owner only. @param folder a temporary one */
export async function npmSecrets(
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<BuildSecrets> {
  const get = async (name: string): Promise<string | undefined> => {
    const value = (await tried('npm', ['config', 'get', name])).stdout.trim();
    return UNSET.includes(value) ? undefined : value;
  };
  const network: Record<string, string> = {};
  for (const name of NETWORK) {
    const value = await get(name);
    if (value !== undefined) network[name] = value;
  }
  const paths = [await get('globalconfig'), await get('userconfig')].filter((path) => path !== undefined);
  const files = await Promise.all(paths.filter((path) => existsSync(path)).map((path) => readFile(path, 'utf8')));
  const ca = [await get('cafile'), env['NODE_EXTRA_CA_CERTS']].find((path) => path !== undefined && existsSync(path));
  const settings = { registry: (await get('registry')) ?? '', network, files };
  const npmrc = join(folder, 'npmrc');
  const text = npmrcText(settings, ca === undefined ? undefined : CA_IN_BUILD, env);
  await writeFile(npmrc, text, { mode: 0o600 });
  return { npmrc, ca };
}
