import {
  PIPELINE_TYPES,
  parsePipelineTypeConfigs,
  parseResourceVariables,
  placementFor,
  typesWithoutEntry,
} from '@runner/scheduling';
import type { Problem, ResourceFamily, SchedulingSettings } from '@runner/scheduling';
import type { VARIABLES } from './catalogue.ts';
import type { Finding, Findings } from './finding.ts';
import { shown } from './finding.ts';
import type { Reading, Source } from './read.ts';

/** The variable that places the pods of each executor. */
export const TYPE_CONFIGS_OF = {
  simpleK8s: 'SIMPLEK8S_PIPELINE_TYPE_CONFIGS',
  argo: 'ARGO_PIPELINE_TYPE_CONFIGS',
} as const;

const RESOURCES = ['CPU_REQUEST', 'MEMORY_REQUEST', 'CPU_LIMIT', 'MEMORY_LIMIT'] as const;

type Sources = ReadonlyMap<string, Source>;

/** Placement and resources of every pipeline type, looked at to the last field; what is wrong is told all at once. */
export function schedulingSettings(
  { sources }: Reading<typeof VARIABLES>,
  executor: keyof typeof TYPE_CONFIGS_OF,
  out: Findings,
): SchedulingSettings {
  const variable = TYPE_CONFIGS_OF[executor];
  const types = parsePipelineTypeConfigs(variable, sources.get(variable)?.text);
  const ingestion = resourcesOf('INGESTION', sources);
  const automation = resourcesOf('INGESTION_AUTOMATION_WORKFLOW', sources);
  const settings = { variable, types, ingestion: ingestion.layers, automation: automation.layers };
  const single = [...types.problems, ...ingestion.problems, ...automation.problems];
  // What is wrong by itself need not be told again as a combination.
  const problems = single.some(isError) ? single : [...single, ...combined(settings)];
  for (const problem of problems) {
    (isError(problem) ? out.problems : out.warnings).push(schedulingFinding(problem, sources));
  }
  const missing = typesWithoutEntry(types, PIPELINE_TYPES);
  if (missing.length > 0) {
    out.warnings.push({
      variable,
      read: undefined,
      message: `has no entry for ${missing.join(', ')}: pods of these types get no placement`,
      fix: 'add an entry for each type whose pods need tolerations, a node selector or the like',
    });
  }
  return settings;
}

function resourcesOf(family: ResourceFamily, sources: Sources) {
  const texts = RESOURCES.map((part) => [`${family}_${part}`, sources.get(`${family}_${part}`)?.text] as const);
  return parseResourceVariables(family, Object.fromEntries(texts));
}

/** Requests above limits that come from different settings: first those that hold for every type, then each type's own. */
function combined(settings: SchedulingSettings): readonly Problem[] {
  const none = { placements: new Map<string, never>(), problems: [] };
  const shared = (['metadata', 'automation'] as const).flatMap((type) =>
    placementFor(type, { ...settings, types: none }).problems.map((problem) => ofFamily(problem, type)),
  );
  if (shared.length > 0) return shared;
  return [...settings.types.placements.keys()].flatMap((type) => placementFor(type, settings).problems);
}

/** The problem is no entry's, so the variable that asks is named: `…requests.memory` is `INGESTION_MEMORY_REQUEST`. */
function ofFamily(problem: Problem, type: 'metadata' | 'automation'): Problem {
  const family: ResourceFamily = type === 'automation' ? 'INGESTION_AUTOMATION_WORKFLOW' : 'INGESTION';
  const resource = problem.path.slice(problem.path.lastIndexOf('.') + 1).toUpperCase();
  return { ...problem, source: `${family}_${resource}_REQUEST`, path: '' };
}

const isError = (problem: Problem): boolean => problem.level === 'error';

/** A problem of the scheduling package as the agent tells it, under the name the variable was found. */
export function schedulingFinding(problem: Problem, sources: Sources): Finding {
  const { source, path, message, fix } = problem;
  const found = sources.get(source);
  return {
    variable: found?.name ?? source,
    read: shown(found?.text, false),
    message: `${path === '' ? '' : `at ${path} `}${bare(message)}`,
    fix: bare(fix),
  };
}

const bare = (sentence: string): string => sentence.replace(/\.$/, '');
