import { isRunnerError } from '@runner/core';
import type { RunSpec, SettingProblem } from '@runner/executor';
import type { PodSettings } from '@runner/kube';
import type { WorkflowOverrides } from '../options.ts';
import { buildWorkflow } from './build-workflow.ts';

/**
 * What would make every run fail, or every run of one type, found before the first: a Workflow is built for each type that
 * has settings of its own. Values are never told.
 */
export function workflowSettingsProblems(settings: {
  readonly pods: PodSettings;
  readonly overrides?: WorkflowOverrides;
}): readonly SettingProblem[] {
  const types = new Set(['metadata', 'automation', ...settings.pods.scheduling.types.placements.keys()]);
  const problems = [...types].flatMap((type) => problemOf(settings, type));
  return problems.filter(({ message }, at) => problems.findIndex((each) => each.message === message) === at);
}

function problemOf(settings: Parameters<typeof workflowSettingsProblems>[0], type: string): readonly SettingProblem[] {
  try {
    buildWorkflow({
      ...settings,
      spec: trial(type),
      name: 'trial',
      namespace: 'trial',
      ttlSeconds: 0,
      startDeadlineSeconds: 1,
      exitDeadlineSeconds: 1,
      submission: 'trial',
    });
    return [];
  } catch (error) {
    if (!isRunnerError(error)) throw error;
    const { code, message, hint } = error;
    return [{ level: 'error', code, message, ...(hint === undefined ? {} : { hint }) }];
  }
}

const trial = (type: string): RunSpec => ({
  runId: '00000000-0000-4000-8000-000000000000',
  owner: { controlPlaneId: 'trial', agentId: 'trial' },
  kind: type === 'automation' ? 'automation' : 'pipeline',
  pipelineType: type,
  name: 'trial',
  fqn: 'trial',
  config: {},
  deadlineSeconds: 1,
});
