import { silentLogger } from '@runner/core';
import { testClock } from '@runner/core/testing';
import { describe, expect, it } from 'vitest';
import { USAGE, readArguments } from '../../src/doctor/arguments.ts';
import { defineCheck } from '../../src/doctor/check.ts';
import type { Check, Level, Result } from '../../src/doctor/check.ts';
import { ClusterNotAsked } from '../../src/doctor/context.ts';
import type { DoctorContext } from '../../src/doctor/context.ts';
import { examine, worst } from '../../src/doctor/examination.ts';
import { reportOf, reportText } from '../../src/doctor/report.ts';
import { runOf } from '../doctor.ts';

const reasons = { fine: { level: 'ok', when: 'So.' } } as const;
const check = (id: string, run: (signal: AbortSignal) => Promise<readonly Result[]>, deadlineMs = 1_000): Check =>
  defineCheck({
    id,
    group: 'network',
    looksAt: 'it',
    deadlineMs,
    reasons,
    run: (_context, _say, signal) => run(signal),
  });
const result = (level: Level, reason = 'x'): Result => ({ level, reason, message: 'It is so.' });
const never = new AbortController().signal;

function stage() {
  const clock = testClock();
  return { clock, context: { clock, logger: silentLogger } as unknown as DoctorContext };
}

describe('checks, run side by side', () => {
  it('give what they found, in their order', async () => {
    const { context } = stage();
    const checks = [check('b', () => Promise.resolve([result('warn')])), check('a', () => Promise.resolve([]))];
    expect((await examine(checks, context, never)).map(({ id }) => id)).toEqual(['b', 'a']);
  });

  it('that take too long are told to end, and say so', async () => {
    const { clock, context } = stage();
    let isTold = false;
    const slow = check('slow', (signal) => {
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          isTold = true;
          reject(new Error('aborted'));
        });
      });
    });
    const running = examine([slow], context, never);
    await clock.advance(1_000);
    const [examined] = await running;
    expect(isTold).toBe(true);
    expect(examined?.results).toMatchObject([{ level: 'warn', reason: 'timed_out' }]);
  });

  it('that clean up after their deadline are waited for, and those that never end are not', async () => {
    const { clock, context } = stage();
    const tidy = check('tidy', async (signal) => {
      await clock.sleep(1_000_000, signal).catch(() => undefined);
      await clock.sleep(5_000);
      return [result('fail', 'late_but_known')];
    });
    const deaf = check('deaf', () => new Promise(() => undefined));
    const running = examine([tidy, deaf], context, never);
    await clock.advance(1_000);
    await clock.advance(5_000);
    await clock.advance(7_000);
    const [first, second] = await running;
    expect(first?.results).toMatchObject([{ reason: 'late_but_known' }]);
    expect(second?.results).toMatchObject([{ reason: 'timed_out' }]);
  });

  it('that somebody ends say so, and not that nobody answered', async () => {
    const { context } = stage();
    const leaving = new AbortController();
    const slow = check('slow', (signal) => {
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
    });
    const running = examine([slow], context, leaving.signal);
    leaving.abort();
    expect((await running)[0]?.results).toMatchObject([{ level: 'warn', reason: 'interrupted' }]);
  });

  it('that fail or need a cluster that is not asked do not end the others', async () => {
    const { context } = stage();
    const checks = [
      check('broken', () => Promise.reject(new Error('a fault'))),
      check('without', () => Promise.reject(new ClusterNotAsked('no cluster'))),
      check('well', () => Promise.resolve([result('ok')])),
    ];
    const examined = await examine(checks, context, never);
    expect(examined.map(({ results }) => results.map(({ level, reason }) => `${level} ${reason}`))).toEqual([
      ['warn check_failed'],
      ['skipped cluster_not_asked'],
      ['ok x'],
    ]);
  });
});

describe('the report', () => {
  const examined = (...levels: readonly Level[]) =>
    levels.map(
      (level, index) => ({ id: `c${index}`, group: 'network', seconds: 0, results: [result(level)] }) as const,
    );

  it.each([
    [['ok', 'skipped'], true, 'ok', 0],
    [['ok', 'warn'], true, 'warn', 0],
    [['warn', 'fail', 'ok'], true, 'fail', 1],
    [['skipped'], true, 'skipped', 0],
    [['fail'], false, 'fail', 78],
  ] as const)('of %j has a verdict and an exit code', (levels, isConfigured, verdict, exitCode) => {
    expect(reportOf(examined(...levels), isConfigured, 0)).toMatchObject({ verdict, exitCode });
  });

  it('tells each thing in one line, with reason and fix where it is not well', () => {
    const results = [
      { ...result('ok', 'fine'), message: 'It\n is  so.' },
      { ...result('fail', 'broken'), message: 'It broke', fix: 'Mend\nit.' },
    ];
    const text = reportText(reportOf([{ id: 'thing', group: 'agent', seconds: 0, results }], true, 0));
    expect(text.split('\n').slice(0, 3)).toEqual([
      'agent',
      '  ok      thing: It is so.',
      '  fail    thing: It broke. [broken] Fix: Mend it.',
    ]);
  });

  it('takes the worst of several results', () => {
    expect(worst([result('ok'), result('fail'), result('warn')])).toBe('fail');
    expect(worst([])).toBe('skipped');
  });
});

describe('the command line', () => {
  it('has defaults, and paths from where it is', () => {
    expect(readArguments(['--bundle', 'b.json', '--kubeconfig', '/k'], '/here')).toEqual({
      kind: 'run',
      arguments: { json: false, bundle: '/here/b.json', kubeconfig: '/k', reference: undefined, pods: true },
    });
    expect(readArguments(['--bundle', '-', '--no-pods'], '/here')).toMatchObject({
      arguments: { bundle: '-', pods: false },
    });
  });

  it('refuses what is no reference without repeating it, and options that do not exist', async () => {
    const { code, output, errors } = await runOf({}, ['--reference', 'not-a-real-password']);
    expect([code, output]).toEqual([78, '']);
    expect(errors).not.toContain('not-a-real');
    expect((await runOf({}, ['--josn'])).code).toBe(78);
  });

  it('tells how it is used', async () => {
    expect(await runOf({}, ['--help'])).toEqual({ code: 0, output: USAGE, errors: '' });
  });
});
