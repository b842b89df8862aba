import { packImage } from './pack.ts';

const HELP = `Packs the image of the tests and of demo:cluster, without a container engine.

  npm run image --workspace @runner/e2e -- --load      pack, and load it into the node of tools/cluster
  npm run image --workspace @runner/e2e -- OUT.tar     pack it into this archive, for "kind load image-archive" and the like
`;

const [word] = process.argv.slice(2);
if (word === undefined || word === '--help') process.stdout.write(HELP);
else await packImage(word === '--load' ? { load: true } : { archive: word });
