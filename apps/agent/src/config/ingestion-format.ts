import { parseExtraEnvs } from '@runner/executor';
import type { EnvVariable, JsonObject } from '@runner/executor';
import { format, jsonOf, right, wrong } from './format.ts';
import type { Format } from './format.ts';

export type PipelineTypeConfigs = Readonly<Record<string, JsonObject>>;

/**
 * JSON object, one entry for each pipeline type. Only the outer shape is looked at here: what stands in an entry is
 * checked by whoever places workloads.
 */
export const pipelineTypeConfigs: Format<PipelineTypeConfigs> = format('JSON object by pipeline type', (raw) => {
  const value = jsonOf(raw);
  if (!isJsonObject(value)) {
    return wrong('is not a JSON object', 'write for example {"metadata":{"nodeSelector":{"pool":"ingestion"}}}');
  }
  const entries: Record<string, JsonObject> = {};
  for (const [type, entry] of Object.entries(value)) {
    if (!isJsonObject(entry)) {
      return wrong(`has an entry ${JSON.stringify(type)} that is not an object`, 'give each pipeline type an object');
    }
    entries[type] = entry;
  }
  return right(entries);
});

const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What `parseExtraEnvs` of the executor package reads; the first error refuses the whole text. */
export const extraEnvs: Format<readonly EnvVariable[]> = format('`[NAME:value,NAME:value]`', (raw) => {
  const { variables, problems } = parseExtraEnvs(raw);
  const error = problems.find((problem) => problem.level === 'error');
  const fix = 'write [NAME:value,NAME:value]; a name has letters, digits and underscores';
  if (error !== undefined) return wrong(`is not understood: ${error.message}`, error.hint ?? fix);
  const notes = problems.map((problem) => ({
    problem: `is not taken as it is: ${problem.message}`,
    fix: problem.hint ?? fix,
  }));
  return right(variables, notes);
});
