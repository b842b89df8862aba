import { RunnerError, silentLogger } from '@runner/core';
import type { Probe, ProbeEnd } from '@runner/executor';
import type { SecretsChecked } from '@runner/protocol/client';
import { describe, expect, it } from 'vitest';
import { secretChecks } from '../../src/agent/secret-checks.ts';
import { createTaskSet } from '../../src/agent/tasks.ts';
import type { CheckSecrets } from '../../src/secret-check.ts';
import { secretCheck } from '../../src/secret-check.ts';
import { secretFindings } from '../../src/secret-preflight.ts';

const never = new AbortController().signal;
const IN_POD = { manager: 'kubernetes', image: 'example.test/check:1' } as const;
const ABOUT = {
  reference: 'secret:db',
  provider: 'kubernetes',
  location: 'namespace ingestion',
  identity: 'ingestion',
};
const READ = { ...ABOUT, ok: true, warnings: [] };
const ERROR = { code: 'secret_forbidden', message: 'not for ingestion', hint: 'grant get' };

function executorThat(answers: (probe: Probe) => ProbeEnd | Error) {
  const asked: Probe[] = [];
  const probe = (given: Probe): Promise<ProbeEnd> => {
    asked.push(given);
    const answer = answers(given);
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  return { probe, asked };
}

const findings = (answer: ProbeEnd | Error) =>
  secretFindings(
    {
      reference: 'secret:db',
      check: secretCheck(
        IN_POD,
        executorThat(() => answer),
      ),
    },
    never,
  );
const message = (...results: readonly unknown[]): ProbeEnd => ({ message: JSON.stringify(results), exitCode: 0 });

describe('the check of a reference at the start', () => {
  it('is made in the given image, which leaves its answer as termination message', async () => {
    const executor = executorThat(() => message(READ));
    const check = secretCheck(IN_POD, executor);
    expect(await secretFindings({ reference: 'secret:db', check }, never)).toEqual([
      {
        level: 'ok',
        code: 'secret_readable',
        message: 'workloads can read secret:db (kubernetes, namespace ingestion, as ingestion)',
      },
    ]);
    expect(executor.asked).toMatchObject([
      {
        command: [
          ...['runner-secrets', 'check', '--json', '--output', '/dev/termination-log'],
          ...['--provider', 'kubernetes', 'secret:db'],
        ],
        image: 'example.test/check:1',
      },
    ]);
  });

  it('is made by the command of this very agent where there are no images', async () => {
    const executor = executorThat(() => message(READ));
    await secretCheck({ manager: 'env', image: undefined }, executor)?.(['secret:db'], never);
    const [asked] = executor.asked;
    expect(asked).not.toHaveProperty('image');
    expect(asked?.command[0]).toBe(process.execPath);
    expect(asked?.command.slice(-5)).toEqual(['check', '--json', '--provider', 'env', 'secret:db']);
  });

  it('tells what is odd about a value, and why one cannot be read, by their own codes', async () => {
    const warnings = [{ code: 'value_quoted', message: 'the value stands in quotes' }];
    expect(await findings(message({ ...READ, warnings }))).toMatchObject([
      { level: 'ok' },
      { level: 'warning', code: 'value_quoted', message: 'secret:db: the value stands in quotes' },
    ]);
    expect(await findings(message({ ...READ, ok: false, error: ERROR }))).toEqual([
      { level: 'error', ...ERROR, message: 'workloads cannot read secret:db: not for ingestion' },
    ]);
  });

  it.each([
    [{ message: '', trouble: 'It waits: ErrImagePull' }, 'It waits: ErrImagePull'],
    [{ message: 'sh: runner-secrets: not found', exitCode: 127 }, 'exit code 127'],
    [message({ reference: 'secret:db', ok: true }), 'without an answer'],
    [message({ ...READ, reference: 'secret:another' }), 'without an answer'],
    [new RunnerError('executor_unavailable', 'the API server is away'), 'the API server is away'],
  ])('says that nothing is known when there is no answer (%#)', async (answer, why) => {
    expect(await findings(answer)).toMatchObject([
      { level: 'warning', code: 'secret_check_failed', message: expect.stringContaining(why) as string },
    ]);
  });

  it('says so when this agent has no way to make one', async () => {
    expect(secretCheck(IN_POD, {})).toBeUndefined();
    expect(
      secretCheck(
        undefined,
        executorThat(() => message()),
      ),
    ).toBeUndefined();
    expect(await secretFindings({ reference: 'secret:db', check: undefined }, never)).toMatchObject([
      { code: 'secret_check_failed' },
    ]);
  });
});

describe('what a control plane asks about', () => {
  it('never becomes anything but references on a command line', async () => {
    const executor = executorThat(() => message(READ));
    const hostile = ['--output=/etc/passwd', 'secret:', 'secret:a b', '--', 'secret:db', 'secret:db'];
    const answer = await secretCheck(IN_POD, executor)?.(hostile, never);
    expect(executor.asked.map(({ command }) => command.slice(7))).toEqual([['secret:db']]);
    expect(answer).toMatchObject({
      results: hostile.map((reference) =>
        reference === 'secret:db' ? { ok: true } : { reference, ok: false, error: { code: 'secret_malformed_id' } },
      ),
    });
    await secretCheck(IN_POD, executor)?.(['-x'], never);
    expect(executor.asked).toHaveLength(1);
  });

  async function said(check: CheckSecrets | undefined, ...questions: readonly (readonly string[])[]) {
    const answers: SecretsChecked[] = [];
    const tasks = createTaskSet(silentLogger);
    const link = () => ({ secretsChecked: (_id: string, answer: SecretsChecked) => void answers.push(answer) });
    const ask = secretChecks({ check, link: link as never, tasks, logger: silentLogger, signal: never });
    questions.forEach((references, index) => ask({ checkId: `check-${index}`, references }));
    await tasks.settled();
    return answers;
  }

  it('is answered with code, sentence and hint, and with nothing of how the store is reached', async () => {
    const check = secretCheck(
      IN_POD,
      executorThat(() => message({ ...READ, ok: false, error: ERROR })),
    );
    expect(await said(check, ['secret:db'])).toEqual([
      { results: [{ reference: 'secret:db', ok: false, ...ERROR, warnings: [] }] },
    ]);
  });

  it('is one at a time, and possible at all only where there is a way', async () => {
    let release: () => void = () => undefined;
    const slow: CheckSecrets = async () => {
      await new Promise<void>((resolve) => (release = resolve));
      return { results: [] };
    };
    const both = said(slow, ['secret:a'], ['secret:b']);
    release();
    expect(await both).toEqual([
      { results: [], problem: { code: 'secret_check_busy', message: expect.any(String) as string } },
      { results: [] },
    ]);
    expect(await said(undefined, ['secret:a'])).toMatchObject([{ problem: { code: 'secret_check_not_supported' } }]);
    expect(await said(() => Promise.reject(new Error('broken')), ['secret:a'])).toMatchObject([
      { problem: { code: 'secret_check_failed' } },
    ]);
  });
});
