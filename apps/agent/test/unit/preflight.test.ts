import { expect, it } from 'vitest';
import { RunnerError, abortError } from '@runner/core';
import { recordingLogger, testClock } from '@runner/core/testing';
import type { PreflightFinding } from '@runner/executor';
import { fakeExecutor } from '@runner/executor/testing';
import { executorComponent, preflight } from '../../src/preflight.ts';

const never = new AbortController().signal;

it('what the executor lacks is said at its level, with how to fix it', async () => {
  const logger = recordingLogger();
  const executor = fakeExecutor();
  executor.preflight = () =>
    Promise.resolve([
      { level: 'ok', code: 'folder', message: 'the folder can be written' },
      { level: 'warning', code: 'disk', message: 'the disk is nearly full', hint: 'free space' },
      { level: 'error', code: 'program', message: 'there is no python' },
    ]);
  await preflight(executor, logger, never);
  expect(logger.records).toEqual([
    { level: 'debug', message: 'preflight: the folder can be written', context: { code: 'folder' } },
    { level: 'warn', message: 'preflight: the disk is nearly full', context: { code: 'disk', hint: 'free space' } },
    { level: 'error', message: 'preflight: there is no python', context: { code: 'program' } },
  ]);
});

it('an executor that cannot be looked at does not keep the agent from starting', async () => {
  const logger = recordingLogger();
  const executor = fakeExecutor();
  executor.preflight = () => Promise.reject(new RunnerError('executor_unavailable', 'nobody there'));
  await preflight(executor, logger, never);
  expect(logger.records).toMatchObject([{ level: 'error', context: { error: { code: 'executor_unavailable' } } }]);
});

it('an executor that takes its time is waited for a little, and its findings are told when they come', async () => {
  const [clock, logger, executor] = [testClock(), recordingLogger(), fakeExecutor()];
  let answer: (findings: readonly PreflightFinding[]) => void = () => undefined;
  executor.preflight = () => new Promise((resolve) => (answer = resolve));
  const component = executorComponent(executor, clock, logger);
  let isStarted = false;
  const started = component.start?.(never).then(() => (isStarted = true));
  await clock.advance(4_999);
  expect(isStarted).toBe(false);
  await clock.advance(1);
  await started;
  answer([{ level: 'error', code: 'program', message: 'there is no python' }]);
  await clock.advance(0);
  expect(logger.records).toMatchObject([{ level: 'error', message: 'preflight: there is no python' }]);
  await component.stop?.(never);
  expect(clock.pendingTimers).toBe(0);
});

it('an executor that is not done being looked at can be closed', async () => {
  const [clock, logger, executor] = [testClock(), recordingLogger(), fakeExecutor()];
  executor.preflight = (signal) =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(abortError(signal))));
  const component = executorComponent(executor, clock, logger);
  const started = component.start?.(never);
  await clock.advance(5_000);
  await started;
  await component.stop?.(never);
  expect(logger.records).toEqual([]);
});
