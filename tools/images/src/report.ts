import type { OpenedImage } from './layers.ts';

/** Sizes of an image, uncompressed, in bytes. */
export interface Sizes {
  readonly own: number;
  readonly total: number;
  readonly layers: readonly { readonly bytes: number; readonly ours: boolean }[];
}

/** Pure. @param base the image it was built upon, as this build saw it */
export function sizesOf(image: Pick<OpenedImage, 'layers'>, base: Pick<OpenedImage, 'layers'>): Sizes {
  const theirs = new Set(base.layers.map(({ diffId }) => diffId));
  const layers = image.layers.map(({ diffId, bytes }) => ({ bytes, ours: !theirs.has(diffId) }));
  const sum = (of: Sizes['layers']): number => of.reduce((total, { bytes }) => total + bytes, 0);
  return { own: sum(layers.filter(({ ours }) => ours)), total: sum(layers), layers };
}

const megabytes = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`;

/** One line for people. Pure. */
export function sizeLine(tag: string, { own, total, layers }: Sizes): string {
  const each = layers.map(({ bytes, ours }) => `${megabytes(bytes)}${ours ? '' : ' (base)'}`).join(' + ');
  return `${tag}: our layers ${megabytes(own)}, with the base ${megabytes(total)}, uncompressed (${each})`;
}
