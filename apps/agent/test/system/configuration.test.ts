import { describe, expect, it } from 'vitest';
import { startAgent } from '../agent-process.ts';
import { testToken } from '../tokens.ts';

const SECRET = 'hunter2-not-a-real-secret';

describe('the agent', () => {
  it('exits with 78 and tells all problems of its configuration at once, without a secret', async () => {
    await using agent = startAgent({
      env: { AUTH_TOKEN: SECRET, SERVER_URL: 'http://x', MAX_CONCURRENT_RUNS: '0', AUTH_TOKN: SECRET },
    });
    expect(await agent.exit).toEqual({ code: 78, signal: null });
    const errors = agent.lines.filter((line) => line.level === 'error');
    expect(errors.map((line) => line.variable)).toEqual([
      'SERVER_URL',
      'MAX_CONCURRENT_RUNS',
      'AUTH_TOKEN',
      'INGESTION_IMAGE',
      'KUBECONFIG',
      undefined,
    ]);
    expect(errors.at(-1)).toMatchObject({ problems: 5 });
    expect(errors.slice(0, -1).every((line) => typeof line.fix === 'string')).toBe(true);
    expect(agent.lines.filter((line) => line.level === 'warn')).toMatchObject([{ variable: 'AUTH_TOKN' }]);
    expect(agent.output).not.toContain(SECRET);
  });

  it('exits with 78 when this build has no such executor, and says which it has', async () => {
    await using agent = startAgent({
      env: {
        AUTH_TOKEN: testToken({ sub: 'bot' }),
        SERVER_URL: 'ws://127.0.0.1:9',
        EXECUTOR_TYPE: 'argo',
        INGESTION_IMAGE: 'example/ingestion:1',
      },
    });
    expect(await agent.exit).toEqual({ code: 78, signal: null });
    expect(agent.lines.at(-1)).toMatchObject({
      level: 'error',
      error: { code: 'executor_missing', hint: expect.stringContaining('local, simpleK8s') as string },
    });
  });

  it('prints its version and its help', async () => {
    await using version = startAgent({ args: ['version'] });
    expect(await version.exit).toMatchObject({ code: 0 });
    expect(version.output).toMatch(/^\d+\.\d+\.\d+\n$/);
    await using help = startAgent({ args: ['--help'] });
    expect(await help.exit).toMatchObject({ code: 0 });
    expect(help.output).toContain('Exit codes: 0');
  });
});
