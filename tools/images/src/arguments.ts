import { parseArgs } from 'node:util';
import { IMAGES } from './images.ts';
import type { Image } from './images.ts';

export const HELP = `Builds the container images from their Dockerfiles, with Docker or buildah, whichever is there.

  npm run images                        both, upon their public bases
  npm run images -- --base local        upon stand-ins for the bases, made of this machine's files: needs no image registry
  npm run images -- --load              and loads them into the node of tools/cluster
  npm run images -- --out FOLDER        and keeps their archives and SBOMs there
  npm run images -- --only agent        one of them: ${IMAGES.map(({ name }) => name).join(', ')}
  npm run images -- --check             says why this machine cannot; silent, and exit code 0, when it can
`;

export interface Arguments {
  readonly help: boolean;
  readonly check: boolean;
  readonly base: 'registry' | 'local';
  readonly load: boolean;
  readonly out: string | undefined;
  readonly images: readonly Image[];
}

/** Pure. @throws in words about the first word that is wrong */
export function readArguments(words: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...words],
    options: {
      help: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      load: { type: 'boolean', default: false },
      base: { type: 'string', default: 'registry' },
      out: { type: 'string' },
      only: { type: 'string' },
    },
  });
  const { help, check, load, base, out, only } = values;
  if (base !== 'registry' && base !== 'local') throw new Error(`--base is registry or local, not ${base}`);
  const images = IMAGES.filter(({ name }) => only === undefined || name === only);
  if (images.length === 0) {
    throw new Error(`--only is one of ${IMAGES.map(({ name }) => name).join(', ')}, not ${only ?? ''}`);
  }
  return { help, check, load, base, out, images };
}
