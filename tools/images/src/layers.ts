import { createReadStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { outputOf } from './programs.ts';

export interface Layer {
  /** Path of its tar in the folder the archive was opened into. */
  readonly path: string;
  /** Digest of the uncompressed layer, as the configuration of the image names it. */
  readonly diffId: string;
  /** Uncompressed. */
  readonly bytes: number;
}

export interface ImageConfig {
  readonly architecture: string;
  readonly config: {
    readonly User?: string;
    readonly Entrypoint?: readonly string[];
    readonly Env?: readonly string[];
    readonly Labels?: Readonly<Record<string, string>>;
  };
  readonly rootfs: { readonly diff_ids: readonly string[] };
}

export interface OpenedImage {
  readonly config: ImageConfig;
  /** From the base upwards. */
  readonly layers: readonly Layer[];
}

/** Opens an archive (docker-archive) into a folder. */
export async function openArchive(archive: string, folder: string): Promise<OpenedImage> {
  await mkdir(folder, { recursive: true });
  await outputOf('tar', ['-xf', archive, '-C', folder]);
  const [first] = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as readonly {
    readonly Config: string;
    readonly Layers: readonly string[];
  }[];
  if (first === undefined) throw new Error(`${archive} holds no image`);
  const config = JSON.parse(await readFile(join(folder, first.Config), 'utf8')) as ImageConfig;
  const layers = await Promise.all(
    first.Layers.map(async (layer, index) => {
      const path = join(folder, layer);
      return { path, diffId: config.rootfs.diff_ids[index] ?? '', bytes: await uncompressedBytes(path) };
    }),
  );
  return { config, layers };
}

async function uncompressedBytes(path: string): Promise<number> {
  const file = createReadStream(path);
  let bytes = 0;
  let stream: AsyncIterable<Buffer> = file as AsyncIterable<Buffer>;
  if (await isGzip(path)) stream = file.pipe(createGunzip()) as AsyncIterable<Buffer>;
  for await (const piece of stream) bytes += piece.length;
  return bytes;
}

async function isGzip(path: string): Promise<boolean> {
  for await (const piece of createReadStream(path, { start: 0, end: 1 }) as AsyncIterable<Buffer>) {
    return piece[0] === 0x1f && piece[1] === 0x8b;
  }
  return false;
}

/** Text of a file of an opened image; the uppermost layer that has it wins. @param path without a slash at its start */
export async function fileOf(image: OpenedImage, path: string): Promise<string> {
  for (const layer of image.layers.toReversed()) {
    const names = (await outputOf('tar', ['-tf', layer.path])).split('\n');
    const name = names.find((candidate) => candidate === path || candidate === `./${path}`);
    if (name !== undefined) return await outputOf('tar', ['-xOf', layer.path, name]);
  }
  throw new Error(`there is no ${path} in the image`);
}
