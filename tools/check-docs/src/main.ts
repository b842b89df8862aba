import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkBlocks } from './blocks.ts';
import { quotableSources } from './blocks/quotes.ts';
import { checkCommands } from './commands.ts';
import { checkDecisionRecords } from './decision-records.ts';
import { checkEnvironmentTables } from './environment.ts';
import { checkErrorCodes } from './error-codes.ts';
import { checkFrames } from './frames.ts';
import { checkLinks } from './links.ts';
import { checkMetrics } from './metrics.ts';
import { checkRooms } from './rooms.ts';
import { checkVariableNames } from './variables.ts';

/** Holds the documents against the code. Every finding is a sentence that says what to do; none means all is true. */
const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
const checks = {
  'error codes': checkErrorCodes,
  metrics: checkMetrics,
  'environment tables': checkEnvironmentTables,
  frames: checkFrames,
  links: checkLinks,
  commands: checkCommands,
  'fenced blocks': checkBlocks,
  variables: (at: string) => checkVariableNames(at, quotableSources(at)),
  rooms: checkRooms,
  'decision records': checkDecisionRecords,
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  const findings = check(root);
  console.log(`${findings.length === 0 ? 'ok  ' : 'FAIL'}  ${name}`);
  for (const finding of findings) console.log(`      ${finding}`);
  if (findings.length > 0) failed += 1;
}
console.log(`documents: ${Object.keys(checks).length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
