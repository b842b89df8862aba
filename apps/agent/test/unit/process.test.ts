import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { RunnerError, Secret } from '@runner/core';
import { FAULT_POINTS } from '@runner/dispatch';
import { faultPointOf } from '../../src/fault-point.ts';
import { pinoLogger } from '../../src/logging.ts';
import { VERSION } from '../../src/version.ts';
import { testToken } from '../tokens.ts';

describe('the logger', () => {
  function written(level: 'debug' | 'info' | 'warn' | 'error') {
    const lines: string[] = [];
    const logger = pinoLogger(level, { write: (line) => void lines.push(line) });
    return { logger, lines };
  }

  it('writes one JSON object a line, with level, time and context', () => {
    const { logger, lines } = written('info');
    logger
      .child({ agentId: 'a' })
      .warn('something happened', { error: new RunnerError('odd', 'an odd thing', { hint: 'look' }) });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string,
      agentId: 'a',
      error: { code: 'odd', message: 'an odd thing', hint: 'look' },
      message: 'something happened',
    });
  });

  it('never writes a secret, a token or a password in a URL', () => {
    const { logger, lines } = written('debug');
    logger.info(`token ${testToken({ sub: 'ingestion-bot' })}`, {
      secret: new Secret('hunter2-not-a-real-secret'),
      proxy: 'http://me:hunter2-not-a-real-secret@proxy.example.test',
    });
    expect(lines.join('')).not.toMatch(/hunter2|eyJ/);
  });

  it('leaves out what is less important than its level', () => {
    const { logger, lines } = written('warn');
    logger.info('not this');
    logger.error('but this');
    expect(lines).toHaveLength(1);
  });
});

describe('a fault point', () => {
  it('ends the process at its step, and only there', async () => {
    let deaths = 0;
    const hook = faultPointOf({ NODE_ENV: 'test', RUNNER_FAULT_POINT: 'after_submit' }, () => (deaths += 1));
    for (const point of FAULT_POINTS) await hook?.(point, 'run');
    expect(deaths).toBe(1);
  });

  it.each([
    { NODE_ENV: 'production', RUNNER_FAULT_POINT: 'after_submit' },
    { RUNNER_FAULT_POINT: 'after_submit' },
    { NODE_ENV: 'test', RUNNER_FAULT_POINT: 'elsewhere' },
    { NODE_ENV: 'test' },
  ])('means nothing in %j', (env) => {
    expect(faultPointOf(env, () => undefined)).toBeUndefined();
  });
});

it('the version is that of package.json', () => {
  const packageJson = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  expect(VERSION).toBe(packageJson.version);
});
