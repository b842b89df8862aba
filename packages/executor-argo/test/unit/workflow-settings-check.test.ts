import { expect, it } from 'vitest';
import { workflowSettingsProblems } from '../../src/index.ts';
import { testPods } from '../support/workflow-input.ts';

it('settings that can make Workflows have no problem', () => {
  expect(workflowSettingsProblems({ pods: testPods })).toEqual([]);
});

it('an expression in a setting is told once, before any run, without its value', () => {
  const extraEnvironment = [{ name: 'EXTRA', value: 'hunter2{{' }];
  const problems = workflowSettingsProblems({ pods: { ...testPods, extraEnvironment } });
  expect(problems).toMatchObject([{ level: 'error', code: 'template_in_value' }]);
  expect(problems[0]?.message).toContain('EXTRA');
  expect(JSON.stringify(problems)).not.toContain('hunter2');
});

it('a file that does not fit the settings of one type is told', () => {
  const placements = new Map([['profiler', { resources: { limits: { cpu: '1' } } }]]);
  const pods = { ...testPods, scheduling: { ...testPods.scheduling, types: { placements, problems: [] } } };
  const overrides = { container: { resources: { requests: { cpu: 2 } } } };
  expect(workflowSettingsProblems({ pods, overrides })).toMatchObject([{ level: 'error', code: 'invalid_spec' }]);
});
