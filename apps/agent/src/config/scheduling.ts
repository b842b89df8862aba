import { readScheduling } from '@runner/scheduling';
import type { Problem, SchedulingSettings } from '@runner/scheduling';
import type { VARIABLES } from './catalogue.ts';
import type { Finding, Findings } from './finding.ts';
import { shown } from './finding.ts';
import type { Reading, Source } from './read.ts';

/** The variable that places the pods of each executor. */
export const TYPE_CONFIGS_OF = {
  simpleK8s: 'SIMPLEK8S_PIPELINE_TYPE_CONFIGS',
  argo: 'ARGO_PIPELINE_TYPE_CONFIGS',
} as const;

const RESOURCES = ['CPU_REQUEST', 'MEMORY_REQUEST', 'CPU_LIMIT', 'MEMORY_LIMIT'].flatMap((part) => [
  `INGESTION_${part}`,
  `INGESTION_AUTOMATION_WORKFLOW_${part}`,
]);

type Sources = ReadonlyMap<string, Source>;

/** Placement and resources of every pipeline type, looked at to the last field; what is wrong is told all at once. */
export function schedulingSettings(
  { sources }: Reading<typeof VARIABLES>,
  executor: keyof typeof TYPE_CONFIGS_OF,
  out: Findings,
): SchedulingSettings {
  const names = [TYPE_CONFIGS_OF[executor], ...RESOURCES];
  const variables = Object.fromEntries(names.map((name) => [name, sources.get(name)?.text]));
  const { settings, problems } = readScheduling({ executor, variables });
  for (const problem of problems) {
    (problem.level === 'error' ? out.problems : out.warnings).push(schedulingFinding(problem, sources));
  }
  return settings;
}

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
