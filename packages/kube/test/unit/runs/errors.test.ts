import { RunnerError, abortError, isRunnerError } from '@runner/core';
import { executorError } from '@runner/executor';
import type { KubeErrorCode } from '../../../src/errors.ts';
import { kubeError } from '../../../src/errors.ts';
import { expect, it } from 'vitest';
import { asExecutorError, reasonOf } from '../../../src/runs/errors.ts';

const jobError = (error: unknown) => asExecutorError(error, { kind: 'Jobs', readme: '@runner/executor-k8s' });

it.each<[KubeErrorCode, string, boolean]>([
  ['kube_unreachable', 'executor_unavailable', true],
  ['kube_timeout', 'executor_unavailable', true],
  ['kube_server_error', 'executor_unavailable', true],
  ['kube_unauthorized', 'executor_unavailable', true],
  ['kube_forbidden', 'executor_unavailable', true],
  ['kube_protocol', 'executor_unavailable', true],
  ['kube_throttled', 'executor_waiting', true],
  ['kube_quota_exceeded', 'executor_waiting', true],
  ['kube_not_found', 'executor_waiting', true],
  ['kube_admission_denied', 'invalid_spec', false],
  ['kube_invalid', 'invalid_spec', false],
])('%s is %s', (from, code, retryable) => {
  const error = jobError(kubeError(from, 'what the API said', { details: { status: 400, verb: 'create' } }));
  expect(error).toMatchObject({ code, retryable, details: { cause: from, verb: 'create' } });
  expect((error as Error).message).toContain('what the API said');
});

it('leaves aborts and errors of executors as they are', () => {
  for (const error of [abortError(), executorError('still_live', 'x'), new RunnerError('internal', 'y')]) {
    expect(jobError(error)).toBe(error);
  }
  expect(isRunnerError(jobError(new TypeError('odd')), 'executor_unavailable')).toBe(true);
});

it('shows the path of a field that is refused, and nothing of what was in it', () => {
  const config = JSON.stringify({ token: 'not-a-real-token', filler: 'x'.repeat(500) });
  const message = `Job.batch "om-job-x" is invalid: spec.template.spec.containers[0].env[0].value: Invalid value: ${JSON.stringify(config)}: too odd`;
  const reason = reasonOf(kubeError('kube_invalid', message));
  expect(reason).toContain('spec.template.spec.containers[0].env[0].value: Invalid value: "…": too odd');
  expect(reason).toContain('"om-job-x"');
  expect(reason).not.toContain('not-a-real-token');
});
