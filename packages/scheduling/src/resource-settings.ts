import type { Problem } from './problem.ts';
import { findingsIn } from './problem.ts';
import type { Resources } from './resources.ts';
import { parseAmount } from './resources.ts';
import { compareQuantities } from './quantity.ts';
import type { Layer } from './merge.ts';

/** The four variables of one family, as text; absent and empty mean unset. */
export type ResourceVariables = Readonly<Record<string, string | undefined>>;

/** `INGESTION_…` for every run, `INGESTION_AUTOMATION_WORKFLOW_…` for automations. */
export type ResourceFamily = 'INGESTION' | 'INGESTION_AUTOMATION_WORKFLOW';

/** Defaults of the official chart (1.13.3), which users have today. */
export const DEFAULT_RESOURCES: Readonly<Record<ResourceFamily, Resources>> = {
  INGESTION: { requests: { cpu: '1000m', memory: '4096Mi' }, limits: { cpu: '1000m', memory: '4096Mi' } },
  INGESTION_AUTOMATION_WORKFLOW: {
    requests: { cpu: '200m', memory: '256Mi' },
    limits: { cpu: '500m', memory: '512Mi' },
  },
};

const PARTS = [
  ['requests', 'cpu', 'CPU_REQUEST'],
  ['requests', 'memory', 'MEMORY_REQUEST'],
  ['limits', 'cpu', 'CPU_LIMIT'],
  ['limits', 'memory', 'MEMORY_LIMIT'],
] as const;

/**
 * Reads `<family>_{CPU,MEMORY}_{REQUEST,LIMIT}`. Each variable that is set becomes a layer of its own, so that an
 * explanation can name it.
 */
export function parseResourceVariables(
  family: ResourceFamily,
  variables: ResourceVariables,
): { readonly layers: readonly Layer[]; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const layers: Layer[] = [];
  const amounts = new Map<string, string>();
  for (const [part, resource, suffix] of PARTS) {
    const name = `${family}_${suffix}`;
    const text = variables[name];
    if (text === undefined || text === '') continue;
    const amount = parseAmount(text, findingsIn(problems, name), resource);
    if (amount === undefined) continue;
    amounts.set(`${part}.${resource}`, amount);
    layers.push({ source: name, value: { resources: { [part]: { [resource]: amount } } } });
  }
  for (const resource of ['cpu', 'memory']) {
    const request = amounts.get(`requests.${resource}`);
    const limit = amounts.get(`limits.${resource}`);
    if (request === undefined || limit === undefined || compareQuantities(request, limit) <= 0) continue;
    const word = resource.toUpperCase();
    findingsIn(problems, `${family}_${word}_REQUEST`).error(
      'request_above_limit',
      `asks for ${request}, more than ${family}_${word}_LIMIT (${limit}).`,
      'Lower the request or raise the limit.',
    );
  }
  return { layers, problems };
}
