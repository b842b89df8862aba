import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';

const compress = promisify(gzip);
const decompress = promisify(gunzip);

/** Shorter texts do not get smaller. */
const WORTH_COMPRESSING = 256;
/** Levels above gain a few per cent for several times the time. */
const LEVEL = 4;

export interface StoredPart {
  readonly bytes: number;
  readonly gzip: boolean;
  readonly data: Buffer;
}

export async function encodePart(bytes: Buffer): Promise<StoredPart> {
  if (bytes.length < WORTH_COMPRESSING) return { bytes: bytes.length, gzip: false, data: bytes };
  return { bytes: bytes.length, gzip: true, data: await compress(bytes, { level: LEVEL }) };
}

export async function decodeParts(parts: readonly Pick<StoredPart, 'gzip' | 'data'>[]): Promise<Buffer> {
  const decode = async (part: Pick<StoredPart, 'gzip' | 'data'>): Promise<Buffer> =>
    part.gzip ? await decompress(part.data) : part.data;
  return Buffer.concat(await Promise.all(parts.map(decode)));
}
