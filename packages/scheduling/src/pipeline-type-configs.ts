import { nearest } from './nearest.ts';
import type { Placement } from './placement.ts';
import { parsePlacement } from './placement.ts';
import type { Problem } from './problem.ts';
import { findingsIn } from './problem.ts';
import { isPlain } from './shape.ts';

/**
 * Pipeline types as OpenMetadata writes them, and the two kinds of run beside pipelines. Source: OpenMetadata's
 * PipelineType enumeration.
 */
export const PIPELINE_TYPES = [
  'automation',
  'metadata',
  'usage',
  'lineage',
  'profiler',
  'autoClassification',
  'TestSuite',
  'dataInsight',
  'elasticSearchReindex',
  'dbt',
  'application',
  'policyAgent',
] as const;

export interface PipelineTypeConfigs {
  /** By pipeline type; a type without an entry gets no placement. */
  readonly placements: ReadonlyMap<string, Placement>;
  readonly problems: readonly Problem[];
}

export type ExecutorVariable = 'SIMPLEK8S_PIPELINE_TYPE_CONFIGS' | 'ARGO_PIPELINE_TYPE_CONFIGS';

/**
 * Reads `SIMPLEK8S_PIPELINE_TYPE_CONFIGS` or `ARGO_PIPELINE_TYPE_CONFIGS`: JSON, by pipeline type. Absent and empty mean
 * none. Everything that is wrong is reported at once, with its place and the fix; entries with errors are kept as far as
 * they could be read, so the caller must look at `problems` before using them.
 */
export function parsePipelineTypeConfigs(variable: ExecutorVariable, text: string | undefined): PipelineTypeConfigs {
  const problems: Problem[] = [];
  const findings = findingsIn(problems, variable);
  const placements = new Map<string, Placement>();
  if (text === undefined || text.trim() === '') return { placements, problems };
  const document = parseJson(text);
  if ('problem' in document) {
    findings.error(
      'invalid_json',
      document.problem,
      'Check quotes, commas and braces; in Helm values use a block scalar (>-).',
    );
    return { placements, problems };
  }
  if (!isPlain(document.value)) {
    findings.error('wrong_type', 'must be an object by pipeline type.', 'Write {"metadata": {"nodeSelector": {…}}}.');
    return { placements, problems };
  }
  for (const [type, entry] of Object.entries(document.value)) {
    const known = (PIPELINE_TYPES as readonly string[]).includes(type);
    if (!known)
      findings.at(type).warning('unknown_pipeline_type', 'is no pipeline type; no run will use it.', hint(type));
    const placement = parsePlacement(entry, findings.at(type));
    if (placement !== undefined && known) placements.set(type, placement);
  }
  return { placements, problems };
}

const hint = (type: string): string => {
  const found = nearest(type, PIPELINE_TYPES);
  return found === undefined ? `Known: ${PIPELINE_TYPES.join(', ')}.` : `Did you mean "${found}"?`;
};

/** JSON.parse with a message that says where, without repeating the text. */
function parseJson(text: string): { readonly value: unknown } | { readonly problem: string } {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    const position = /position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
    if (position === undefined) return { problem: 'is not JSON: it ends too early.' };
    const before = text.slice(0, Number(position)).split('\n');
    return { problem: `is not JSON: see line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}.` };
  }
}

/**
 * The warning for somebody who configured the other executor's variable (the seeds: "will have no effect, and vice
 * versa"); undefined when it is not set.
 */
export function otherVariableProblem(variable: ExecutorVariable, other: string | undefined): Problem | undefined {
  if (other === undefined || other.trim() === '' || other.trim() === '{}') return undefined;
  const source =
    variable === 'ARGO_PIPELINE_TYPE_CONFIGS' ? 'SIMPLEK8S_PIPELINE_TYPE_CONFIGS' : 'ARGO_PIPELINE_TYPE_CONFIGS';
  const executor = variable === 'ARGO_PIPELINE_TYPE_CONFIGS' ? 'Argo Workflows' : 'simple Kubernetes';
  return {
    level: 'warning',
    code: 'other_executor',
    source,
    path: '',
    message: `is set, but this agent uses the ${executor} executor: it has no effect.`,
    fix: `Move it to ${variable}.`,
  };
}
