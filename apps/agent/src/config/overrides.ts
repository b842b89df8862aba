import { RunnerError } from '@runner/core';
import type { WorkflowOverrides } from '@runner/executor-argo';
import { describeProblem } from '@runner/scheduling';
import type { Problem } from '@runner/scheduling';
import { OVERRIDE_VARIABLES } from './argo.ts';
import type { ArgoSettings } from './argo.ts';
import type { Findings } from './finding.ts';
import type { Source } from './read.ts';
import { schedulingFinding } from './scheduling.ts';

type OverrideTexts = Pick<ArgoSettings, 'containerSpecFile' | 'workflowSpecFile'>;

/** Everything that is wrong with the two override files, each with its line. */
export async function overrideFindings(
  texts: OverrideTexts,
  sources: ReadonlyMap<string, Source>,
  out: Findings,
): Promise<void> {
  for (const problem of (await reading(texts)).problems) {
    (problem.level === 'error' ? out.problems : out.warnings).push(schedulingFinding(problem, sources));
  }
}

/** What the files say, for Workflows. @throws override_invalid */
export async function readOverrides(texts: OverrideTexts): Promise<WorkflowOverrides> {
  const { overrides, problems } = await reading(texts);
  const error = problems.find(({ level }) => level === 'error');
  if (error === undefined) return overrides;
  throw new RunnerError('override_invalid', describeProblem(error), { hint: error.fix });
}

interface Reading {
  readonly overrides: WorkflowOverrides;
  readonly problems: readonly Problem[];
}

/** The reader of YAML is loaded only where there is some. */
async function reading({ containerSpecFile: container, workflowSpecFile: workflow }: OverrideTexts): Promise<Reading> {
  if (container === undefined && workflow === undefined) return { overrides: {}, problems: [] };
  const { readWorkflowOverrides } = await import('@runner/executor-argo');
  return readWorkflowOverrides({
    ...(container === undefined ? {} : { container: { source: OVERRIDE_VARIABLES.container, text: container } }),
    ...(workflow === undefined ? {} : { workflow: { source: OVERRIDE_VARIABLES.workflow, text: workflow } }),
  });
}
