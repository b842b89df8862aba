import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export const AGENT_CHART: string = join(ROOT, 'apps/agent/chart');
export const CONTROL_PLANE_CHART: string = join(ROOT, 'apps/control-plane/chart');
const STAND_IN = fileURLToPath(new URL('../stand-in/argo-workflows', import.meta.url));

/**
 * Copies the agent's chart to a folder that does not exist yet, with a stand-in where the chart of Argo Workflows belongs.
 * Helm refuses a chart whose dependencies are not in its folder, even those that are switched off; the stand-in has the
 * name, version and service of the real one and runs nothing.
 */
export async function stageAgentChart(folder: string): Promise<void> {
  await cp(AGENT_CHART, folder, { recursive: true, errorOnExist: true, force: false });
  await cp(STAND_IN, join(folder, 'charts/argo-workflows'), { recursive: true });
}

/** The same in a temporary folder, gone when disposed. */
export async function stagedAgentChart(): Promise<AsyncDisposable & { readonly folder: string }> {
  const parent = await mkdtemp(join(tmpdir(), 'runner-chart-'));
  const folder = join(parent, 'hybrid-ingestion-runner');
  await stageAgentChart(folder);
  return { folder, [Symbol.asyncDispose]: () => rm(parent, { recursive: true, force: true }) };
}
