import { expect, it } from 'vitest';
import { RunnerError } from '@runner/core';
import { recordingLogger } from '@runner/core/testing';
import { fakeExecutor } from '@runner/executor/testing';
import { preflight } from '../../src/preflight.ts';

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
