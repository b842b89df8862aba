import { readFile, writeFile } from 'node:fs/promises';
import { derivedFiles } from './derive.ts';
import { AGENT_CHART, CONTROL_PLANE_CHART, stageAgentChart } from './stage.ts';

/**
 * `npm run charts`: writes what follows from the values of the charts; `-- --check` only says what is out of date.
 * `npm run charts -- --stage FOLDER`: the agent's chart with the stand-in of Argo, to install without the network.
 */
const PLACES = [
  { folder: AGENT_CHART, replaces: true },
  { folder: CONTROL_PLANE_CHART, replaces: false },
];

async function derive(check: boolean): Promise<number> {
  let stale = 0;
  for (const place of PLACES) {
    for (const { path, text } of await derivedFiles(place)) {
      const now = await readFile(path, 'utf8').catch(() => '');
      if (now === text) continue;
      stale += 1;
      if (check) process.stderr.write(`out of date: ${path} (npm run charts)\n`);
      else await writeFile(path, text);
    }
  }
  return check && stale > 0 ? 1 : 0;
}

const [first, second] = process.argv.slice(2);
if (first === '--stage' && second !== undefined) await stageAgentChart(second);
else process.exitCode = await derive(first === '--check');
