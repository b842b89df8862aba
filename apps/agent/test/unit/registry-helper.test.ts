import { Secret, RunnerError } from '@runner/core';
import { recordingLogger, testClock, testRandom } from '@runner/core/testing';
import { describe, expect, it } from 'vitest';
import { format, resolveConfig } from 'prettier';
import { readFileSync } from 'node:fs';
import { askForToken } from '../../src/registry/asking.ts';
import { registryError } from '../../src/registry/failures.ts';
import { accessRights, expiryRules, pullSecretRules, statusRules } from '../../src/registry/permissions.ts';
import { explainPull } from '../../src/registry/pull-diagnosis.ts';
import { misconfiguredData, readStatus, statusData } from '../../src/registry/status.ts';
import type { RegistryStatus } from '../../src/registry/status.ts';
import type { RegistryToken, RegistryTokens } from '../../src/registry/tokens.ts';
import { registryVariableTable } from '../../src/registry/variables.ts';

const TOKEN: RegistryToken = { registry: 'example.test', username: 'AWS', password: new Secret('x'), expiresAt: 1 };

/** Gives these one after another, the last one for ever. */
function tokensOf(
  ...answers: readonly (RegistryToken | Error | 'never' | 'deaf')[]
): RegistryTokens & { readonly asked: number } {
  let asked = 0;
  return {
    kind: 'ecr',
    identity: 'a test',
    get asked() {
      return asked;
    },
    token: (signal) => {
      const answer = answers[Math.min(asked, answers.length - 1)];
      asked += 1;
      if (answer instanceof Error) return Promise.reject(answer);
      // What asks for identities does not hear a signal always.
      if (answer === 'deaf') return new Promise(() => undefined);
      if (answer !== 'never' && answer !== undefined) return Promise.resolve(answer);
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new RunnerError('aborted', 'aborted')), { once: true });
      });
    },
    close: () => undefined,
  };
}

function asking(tokens: RegistryTokens) {
  const clock = testClock();
  const leaving = new AbortController();
  const result = askForToken(tokens, {
    clock,
    random: testRandom(),
    logger: recordingLogger(),
    signal: leaving.signal,
    deadlineMs: 60_000,
  });
  result.catch(() => undefined);
  return { clock, leaving, result };
}

describe('asking for a token', () => {
  it('waits as long as a registry that throttles asks for', async () => {
    const tokens = tokensOf(registryError('registry_throttled', 'slower', { retryAfterMs: 30_000 }), TOKEN);
    const { clock, result } = asking(tokens);
    await clock.advance(29_999);
    expect(tokens.asked).toBe(1);
    await clock.advance(1);
    expect(await result).toBe(TOKEN);
    expect(clock.pendingTimers).toBe(0);
  });

  it('does not ask again when the wait goes beyond the deadline', async () => {
    const tokens = tokensOf(registryError('registry_throttled', 'slower', { retryAfterMs: 61_000 }));
    await expect(asking(tokens).result).rejects.toMatchObject({ code: 'registry_throttled' });
    expect(tokens.asked).toBe(1);
  });

  it('asks once only where waiting does not help', async () => {
    const tokens = tokensOf(registryError('registry_wrong_credentials', 'wrong'));
    await expect(asking(tokens).result).rejects.toMatchObject({ code: 'registry_wrong_credentials' });
    expect(tokens.asked).toBe(1);
  });

  it('ends with the reason of the last try when the deadline passes', async () => {
    const tokens = tokensOf(registryError('registry_unreachable', 'away'), 'never');
    const { clock, result } = asking(tokens);
    await clock.advance(60_000);
    await expect(result).rejects.toMatchObject({ code: 'registry_unreachable' });
    expect(clock.pendingTimers).toBe(0);
  });

  it('says that there was no answer when there never was one', async () => {
    const { clock, result } = asking(tokensOf('never'));
    await clock.advance(60_000);
    await expect(result).rejects.toMatchObject({ code: 'registry_timed_out' });
  });

  it('does not wait for one who hears neither the deadline nor the end', async () => {
    const late = asking(tokensOf('deaf'));
    await late.clock.advance(60_000);
    await expect(late.result).rejects.toMatchObject({ code: 'registry_timed_out' });
    const left = asking(tokensOf('deaf'));
    left.leaving.abort();
    await expect(left.result).rejects.toMatchObject({ code: 'aborted' });
  });

  it('ends after a bounded number of tries', async () => {
    const tokens = tokensOf(registryError('registry_unreachable', 'away'));
    const { clock, result } = asking(tokens);
    await clock.advance(60_000);
    await expect(result).rejects.toMatchObject({ code: 'registry_unreachable' });
    expect(tokens.asked).toBeLessThanOrEqual(8);
    expect(tokens.asked).toBeGreaterThan(3);
  });

  it('ends at once when it is told to leave', async () => {
    const { leaving, result } = asking(tokensOf('never'));
    leaving.abort();
    await expect(result).rejects.toMatchObject({ code: 'aborted' });
  });
});

const STATUS: RegistryStatus = {
  outcome: 'failed',
  expiresAt: Date.UTC(2026, 0, 1),
  updatedAt: Date.UTC(2026, 0, 2),
  registry: 'example.test',
  code: 'registry_forbidden',
  message: 'no token',
  hint: 'allow it',
};

describe('the status', () => {
  it('is read as it was written', () => {
    const data = Object.fromEntries(
      Object.entries(statusData(STATUS)).flatMap(([k, v]) => (v === null ? [] : [[k, v]])),
    );
    expect(readStatus({ data })).toEqual(STATUS);
  });

  it('takes away what no longer holds', () => {
    expect(statusData({ ...STATUS, code: undefined, hint: undefined })).toMatchObject({ code: null, hint: null });
  });

  it('of a wrong configuration leaves the expiry as it was', () => {
    const problem = { variable: 'AWS_REGION', read: undefined, message: 'is not set', fix: 'set it' };
    const data = misconfiguredData([problem], 0);
    expect(data).toMatchObject({ outcome: 'failed', message: 'AWS_REGION is not set', hint: 'set it' });
    expect(data).not.toHaveProperty('expiresAt');
  });

  it('never holds what looks like a credential', () => {
    const { message } = statusData({ ...STATUS, message: 'refused AKIAIOSFODNN7EXAMPLE password=hunter2hunter2' });
    expect(message).not.toMatch(/AKIAIOSFODNN7EXAMPLE|hunter2/);
  });

  it.each([{}, { outcome: 'fine', updatedAt: '2026-01-01' }, { outcome: 'written', updatedAt: 'soon' }])(
    'that is something else (%j) is none',
    (data) => {
      expect(readStatus({ data })).toBeUndefined();
    },
  );
});

describe('a diagnosis of an image that may not be pulled', () => {
  const diagnosis = {
    category: 'image',
    code: 'image_unauthorized',
    message: 'No pull',
    hint: 'Check.',
    permanent: true,
  } as const;
  const now = Date.UTC(2026, 0, 3);

  it('names the pull secret that has expired, why, and how to renew it', () => {
    const { message, hint } = explainPull(diagnosis, STATUS, now);
    expect(message).toBe(
      'No pull. The pull secret expired at 2026-01-01T00:00:00.000Z. The registry helper says: no token.',
    );
    expect(hint).toMatch(/^allow it .*kubectl create job --from=cronjob\/ecr-registry-helper manual.* Check\.$/);
  });

  it('stays as it is while the pull secret is good, nothing is known, or another thing is wrong', () => {
    const good: RegistryStatus = { ...STATUS, outcome: 'written', expiresAt: now + 1 };
    expect(explainPull(diagnosis, good, now)).toBe(diagnosis);
    expect(explainPull(diagnosis, undefined, now)).toBe(diagnosis);
    const other = { ...diagnosis, code: 'image_not_found' } as const;
    expect(explainPull(other, STATUS, now)).toBe(other);
  });
});

describe('the rights', () => {
  it('are restricted by name wherever RBAC can', () => {
    const names = { secret: 'pull', statusConfigMap: 'status' };
    const rules = [...pullSecretRules(names), ...statusRules(names), ...expiryRules(names)];
    for (const { verbs, resourceNames } of rules) {
      expect(resourceNames === undefined).toBe(verbs.includes('create'));
      expect(verbs).not.toContain('list');
      expect(verbs).not.toContain('delete');
    }
    expect(accessRights(pullSecretRules(names), 'runner')).toEqual([
      { verb: 'create', group: '', resource: 'secrets', namespace: 'runner' },
      { verb: 'get', group: '', resource: 'secrets', namespace: 'runner', name: 'pull' },
      { verb: 'patch', group: '', resource: 'secrets', namespace: 'runner', name: 'pull' },
    ]);
  });

  it('on a ConfigMap are none where there is none', () => {
    expect([...statusRules({ statusConfigMap: undefined }), ...expiryRules({ statusConfigMap: undefined })]).toEqual(
      [],
    );
  });
});

it('the README has the table of its variables, word for word', async () => {
  const path = new URL('../../README.md', import.meta.url);
  const inside = /<!-- registry-variables:begin -->\n([^]*?)<!-- registry-variables:end -->/.exec(
    readFileSync(path, 'utf8'),
  )?.[1];
  const style = (await resolveConfig(path)) ?? {};
  expect(inside?.trim()).toBe((await format(registryVariableTable(), { ...style, parser: 'markdown' })).trim());
});
