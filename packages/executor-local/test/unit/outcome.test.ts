import { describe, expect, it } from 'vitest';
import { outcomeOf } from '../../src/outcome.ts';
import type { IntentRecord, OutcomeRecord } from '../../src/records.ts';
import { NO_WORKING_DIRECTORY } from '../../src/records.ts';

const facts = (changes: Partial<OutcomeRecord>): OutcomeRecord => ({
  version: 1,
  startedAt: 1_000,
  endedAt: 2_000,
  log: { kept: 0, total: 0 },
  ...changes,
});
const intent = (reason: IntentRecord['reason'], message?: string): IntentRecord => ({
  version: 1,
  requestedAt: 1_500,
  reason,
  ...(message === undefined ? {} : { message }),
});
const outcome = (changes: Partial<OutcomeRecord>, more: { intent?: IntentRecord; logTail?: string } = {}) =>
  outcomeOf({ outcome: facts(changes), deadlineSeconds: 60, ...more });

describe('what the end of a run means', () => {
  it('exit code 0 is success, whatever was asked too late', () => {
    expect(outcome({ exitCode: 0 })).toEqual({ result: 'succeeded', exitCode: 0 });
    expect(outcome({ exitCode: 0 }, { intent: intent('cancelled') })).toEqual({ result: 'succeeded', exitCode: 0 });
  });

  it('a program that was stopped because of a cancel is cancelled, however it ended', () => {
    for (const end of [{ signal: 'SIGTERM' }, { exitCode: 143 }, { exitCode: 0 }, { signal: 'SIGKILL' }, {}]) {
      expect(outcome({ ...end, stopped: 'intent' }, { intent: intent('cancelled') })).toEqual({
        result: 'cancelled',
        ...end,
      });
    }
  });

  it.each([
    [{ exitCode: 3 }, 'program', 'exit_code'],
    [{ signal: 'SIGSEGV' }, 'signal', 'died_by_signal'],
    [{ signal: 'SIGKILL' }, 'out_of_memory', 'out_of_memory'],
    [{ exitCode: 137 }, 'out_of_memory', 'out_of_memory'],
    [{ signal: 'SIGTERM', stopped: 'deadline' }, 'deadline', 'run_deadline'],
    [{ signal: 'SIGKILL', stopped: 'deadline' }, 'deadline', 'run_deadline'],
    [{ signal: 'SIGTERM', stopped: 'host' }, 'signal', 'stopped_with_host'],
    [{ lost: 'supervisor' }, 'lost', 'supervisor_lost'],
    [{ lost: 'host' }, 'node_lost', 'host_restarted'],
    [{ startError: 'ENOENT' }, 'configuration', 'program_not_found'],
    [{ startError: 'EACCES' }, 'configuration', 'program_not_executable'],
    [{ startError: 'ENOEXEC' }, 'configuration', 'program_not_executable'],
    [{ startError: 'E2BIG' }, 'configuration', 'environment_too_large'],
    [{ startError: 'EMFILE' }, 'quota', 'too_many_processes'],
    [{ startError: 'ENOMEM' }, 'out_of_memory', 'out_of_memory'],
    [{ startError: NO_WORKING_DIRECTORY }, 'configuration', 'no_working_directory'],
    [{ startError: 'EWEIRD' }, 'unknown', 'program_not_started'],
    [{ exitCode: 1, log: { kept: 10, total: 20, failed: 'ENOSPC' } }, 'disk', 'disk_full'],
  ] as const)('%j is a failure of category %s with code %s', (changes, category, code) => {
    const { result, diagnosis } = outcome(changes);
    expect(result).toBe('failed');
    expect(diagnosis).toMatchObject({ category, code, permanent: true });
    expect(diagnosis?.message).toMatch(/^[A-Z].*\.$/);
  });

  it('a full disk under the log does not make a success a failure', () => {
    expect(outcome({ exitCode: 0, log: { kept: 1, total: 9, failed: 'ENOSPC' } }).result).toBe('succeeded');
  });

  it('an end for a permanent failure is failed, with the sentence it was given', () => {
    const { diagnosis } = outcome(
      { signal: 'SIGTERM', stopped: 'intent' },
      { intent: intent('permanent_failure', 'The image does not exist.') },
    );
    expect(diagnosis).toMatchObject({ code: 'permanent_failure', message: 'The image does not exist.' });
    expect(outcome({ stopped: 'intent' }, { intent: intent('start_deadline') }).diagnosis?.category).toBe('deadline');
  });

  it('what the program said of its trouble says more than its exit code', () => {
    const logTail = "ModuleNotFoundError: No module named 'metadata'\n";
    expect(outcome({ exitCode: 1 }, { logTail })).toMatchObject({
      logTail,
      diagnosis: { code: 'ingestion_not_installed' },
    });
  });
});
