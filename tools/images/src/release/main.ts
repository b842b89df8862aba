import { REPOSITORY } from '../images.ts';
import { disagreements, imagesElsewhere, namedImages, statedVersions, waitingChangesets } from './versions.ts';

const [tag, registry] = process.argv.slice(2);
const problems = [
  ...disagreements(statedVersions(REPOSITORY), tag),
  ...(tag === undefined ? [] : waitingChangesets(REPOSITORY)),
  ...(registry === undefined ? [] : imagesElsewhere(namedImages(REPOSITORY), registry)),
];
for (const problem of problems) process.stderr.write(`release: ${problem}\n`);
process.exitCode = problems.length === 0 ? 0 : 1;
