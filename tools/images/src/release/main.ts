import { REPOSITORY } from '../images.ts';
import { disagreements, statedVersions } from './versions.ts';

const problems = disagreements(statedVersions(REPOSITORY), process.argv[2]);
for (const problem of problems) process.stderr.write(`release: ${problem}\n`);
process.exitCode = problems.length === 0 ? 0 : 1;
