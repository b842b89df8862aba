import { RunnerError, Secret, createLogger, systemClock, systemRandom } from '@runner/core';
import { recordingLogger, testClock } from '@runner/core/testing';
import { CONFIG_MAPS, SECRETS } from '@runner/kube';
import { startTestApiServer } from '@runner/kube/testing';
import type { TestApiServer, TestRight } from '@runner/kube/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createExpiryWatch } from '../../src/registry/expiry-watch.ts';
import { registryError } from '../../src/registry/failures.ts';
import { refreshPullSecrets } from '../../src/registry/helper.ts';
import { expiryRules, pullSecretRules } from '../../src/registry/permissions.ts';
import type { RegistryRule } from '../../src/registry/permissions.ts';
import { statusData } from '../../src/registry/status.ts';
import type { RegistryToken, RegistryTokens } from '../../src/registry/tokens.ts';

const HOUR_MS = 3_600_000;
const NAME = 'omd-registry-credentials';
const { signal } = new AbortController();

let server: TestApiServer;
beforeEach(async () => {
  server = await startTestApiServer({ namespaces: ['runner', 'ingestion'] });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const rightsOf = (rules: readonly RegistryRule[], namespace: string) =>
  rules.map(({ resources, verbs, resourceNames }) => ({
    group: '',
    resources,
    verbs,
    namespace,
    ...(resourceNames === undefined ? {} : { names: resourceNames }),
  }));
const helperRights = (...namespaces: readonly string[]) =>
  namespaces.flatMap((namespace) => rightsOf(pullSecretRules({ secret: NAME }), namespace));

const tokenOf = (password: string, expiresAt = Date.now() + 12 * HOUR_MS): RegistryToken => ({
  registry: 'example.test',
  username: 'AWS',
  password: new Secret(password),
  expiresAt,
});
const giving = (give: () => RegistryToken | Error): RegistryTokens => ({
  kind: 'ecr',
  identity: 'a test',
  token: () => {
    const given = give();
    return given instanceof Error ? Promise.reject(given) : Promise.resolve(given);
  },
  close: () => undefined,
});

function run(
  give: () => RegistryToken | Error,
  namespaces: readonly string[] = ['runner'],
  rights: readonly TestRight[] = helperRights(...namespaces),
) {
  const logger = recordingLogger();
  const result = refreshPullSecrets({
    tokens: giving(give),
    api: server.api(rights, 'runner'),
    secretName: NAME,
    namespaces,
    clock: systemClock(),
    random: systemRandom(),
    logger,
    signal,
    backoff: { floorMs: 1, capMs: 5 },
  });
  return { result, logger };
}
const passwordIn = (namespace: string): string | undefined => {
  const data = server.object(SECRETS, namespace, NAME)?.data?.['.dockerconfigjson'];
  if (data === undefined) return undefined;
  const { auths } = JSON.parse(Buffer.from(data, 'base64').toString()) as {
    auths: Record<string, { password: string }>;
  };
  return auths['example.test']?.password;
};

describe('the registry helper, with exactly its rights', () => {
  it('makes the pull secret in every namespace, and renews it without a moment without it', async () => {
    expect(await run(() => tokenOf('first'), ['runner', 'ingestion']).result).toMatchObject({ outcome: 'written' });
    expect([passwordIn('runner'), passwordIn('ingestion')]).toEqual(['first', 'first']);
    const expiresAt = Date.now() + 13 * HOUR_MS;
    const { result, logger } = run(() => tokenOf('second', expiresAt), ['runner', 'ingestion']);
    expect(await result).toMatchObject({ outcome: 'written', expiresAt, registry: 'example.test' });
    expect([passwordIn('runner'), passwordIn('ingestion')]).toEqual(['second', 'second']);
    expect(new Set(server.calls.map(({ verb }) => verb))).toEqual(new Set(['get', 'create', 'patch']));
    expect(logger.text()).not.toMatch(/first|second/);
  });

  it('writes the one namespace that it can and says what is wrong with the other', async () => {
    const { result } = run(() => tokenOf('only'), ['runner', 'ingestion'], helperRights('runner'));
    expect(await result).toMatchObject({ outcome: 'partly', code: 'pull_secret_forbidden' });
    expect(passwordIn('runner')).toBe('only');
  });

  it('says that a namespace does not exist', async () => {
    // Of a ClusterRole: a Role cannot stand in what is not there.
    const rights = [{ group: '', resources: ['secrets'], verbs: ['get', 'create', 'patch'] }];
    expect(await run(() => tokenOf('x'), ['absent'], rights).result).toMatchObject({
      outcome: 'failed',
      code: 'pull_secret_namespace_missing',
      message: 'there is no namespace absent for the pull secret',
    });
  });

  it('leaves a secret of the same name alone that is no pull secret', async () => {
    server.put(SECRETS, { metadata: { namespace: 'runner', name: NAME }, type: 'Opaque', data: { mine: 'eA==' } });
    expect(await run(() => tokenOf('x')).result).toMatchObject({ outcome: 'failed', code: 'pull_secret_foreign' });
    expect(server.object(SECRETS, 'runner', NAME)?.data).toEqual({ mine: 'eA==' });
  });

  it('says of one that is immutable how it can be renewed', async () => {
    await run(() => tokenOf('before')).result;
    const standing = server.object(SECRETS, 'runner', NAME);
    server.put(SECRETS, { ...standing, metadata: { namespace: 'runner', name: NAME }, immutable: true });
    const status = await run(() => tokenOf('x', Date.now() + 13 * HOUR_MS)).result;
    expect(status).toMatchObject({ outcome: 'failed', code: 'pull_secret_immutable' });
    expect(status.hint).toContain(`delete secret ${NAME}`);
    expect(passwordIn('runner')).toBe('before');
  });

  it('keeps the secret of before when there is no token, and says until when it is valid and why', async () => {
    const expiresAt = Date.now() + HOUR_MS;
    await run(() => tokenOf('before', expiresAt)).result;
    const status = await run(() => registryError('registry_wrong_credentials', 'AWS does not know the key')).result;
    expect(status).toMatchObject({ outcome: 'failed', code: 'registry_wrong_credentials', expiresAt });
    expect(status.message).toBe(
      `AWS does not know the key; the pull secret ${NAME} of before stays and is valid until ${new Date(expiresAt).toISOString()}`,
    );
    expect(passwordIn('runner')).toBe('before');
  });

  it('says when the secret of before has expired, and when there never was one', async () => {
    const nothing = await run(() => registryError('registry_forbidden', 'no')).result;
    expect(nothing.message).toMatch(/there is no pull secret .* yet/);
    await run(() => tokenOf('before', Date.now() - 1)).result;
    expect((await run(() => registryError('registry_forbidden', 'no')).result).message).toMatch(/expired at/);
  });

  it('does not say that there is none where it cannot see, and names where there is none', async () => {
    await run(() => tokenOf('before'), ['runner']).result;
    const refused = () => registryError('registry_forbidden', 'no');
    const blind = await run(refused, ['runner'], []).result;
    expect(blind.message).toBe(`no; whether there is a pull secret ${NAME} of before cannot be seen`);
    const half = await run(refused, ['runner', 'ingestion']).result;
    expect(half.message).toMatch(/stays and is valid until .*, and there is none in ingestion$/);
  });

  it('told to end between two namespaces says what was written and what was not', async () => {
    const leaving = new AbortController();
    const token = tokenOf('only');
    const status = await refreshPullSecrets({
      tokens: giving(() => token),
      api: server.api(undefined, 'runner'),
      secretName: NAME,
      namespaces: ['runner', 'ingestion', 'third'],
      clock: systemClock(),
      random: systemRandom(),
      logger: createLogger(({ message }) => {
        if (message === 'the pull secret is made') leaving.abort();
      }),
      signal: leaving.signal,
    });
    expect(status).toMatchObject({ outcome: 'partly', code: 'aborted', expiresAt: token.expiresAt });
    expect(status.message).toMatch(/before it came to the namespace ingestion; and 1 more/);
    expect([passwordIn('runner'), passwordIn('ingestion')]).toEqual(['only', undefined]);
  });

  it('gets through throttling of the registry and of the API server', async () => {
    let asked = 0;
    const slow = server.fault({ kind: 'status', status: 429, retryAfterSeconds: 0 }, { verb: 'create' });
    const broken = server.fault({ kind: 'status', status: 503 }, { verb: 'get' });
    const { result } = run(() => ((asked += 1) < 3 ? registryError('registry_throttled', 'slower') : tokenOf('late')));
    const answered = (wanted: number): number => server.calls.filter(({ status }) => status === wanted).length;
    await expect.poll(() => answered(503)).toBeGreaterThan(1);
    broken();
    await expect.poll(() => answered(429)).toBeGreaterThan(1);
    slow();
    expect(await result).toMatchObject({ outcome: 'written' });
    expect([asked, passwordIn('runner')]).toEqual([3, 'late']);
  });

  it('does no harm when the answer to its change was lost', async () => {
    await run(() => tokenOf('before')).result;
    const undo = server.fault({ kind: 'reset', applied: true }, { verb: 'patch' });
    const { result } = run(() => tokenOf('after', Date.now() + 13 * HOUR_MS));
    await expect.poll(() => passwordIn('runner')).toBe('after');
    undo();
    expect(await result).toMatchObject({ outcome: 'written' });
    expect(passwordIn('runner')).toBe('after');
  });

  it('does no harm when many of it run at once', async () => {
    const now = Date.now();
    const runs = Array.from({ length: 6 }, (_, index) =>
      run(() => tokenOf(`token ${index}`, now + (12 + index) * HOUR_MS)),
    );
    const outcomes = await Promise.all(runs.map(({ result }) => result));
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(runs.map(() => 'written'));
    expect(passwordIn('runner')).toMatch(/^token \d$/);
    expect(server.objects(SECRETS, 'runner')).toHaveLength(1);
  });

  it('warns of tokens that do not last until the next run', async () => {
    const { result, logger } = run(() => tokenOf('short', Date.now() + HOUR_MS));
    await result;
    expect(logger.text()).toMatch(/this token lasts 60 minutes: the schedule of the CronJob must be shorter/);
  });

  it('ends when it is told to', async () => {
    const aborted = refreshPullSecrets({
      tokens: giving(() => new RunnerError('aborted', 'aborted')),
      api: server.api(),
      secretName: NAME,
      namespaces: ['runner'],
      clock: systemClock(),
      random: systemRandom(),
      logger: recordingLogger(),
      signal: AbortSignal.abort(),
    });
    await expect(aborted).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('the agent, with exactly its right', () => {
  const MAP = 'pull-secret-status';
  const rights = rightsOf(expiryRules({ statusConfigMap: MAP }), 'runner');
  const put = (expiresAt: number): void => {
    const status = {
      outcome: 'written',
      updatedAt: 1,
      registry: 'r',
      code: undefined,
      message: 'm',
      hint: undefined,
    } as const;
    const data = Object.entries(statusData({ ...status, expiresAt })).flatMap(([key, value]) =>
      value === null ? [] : [[key, value]],
    );
    server.put(CONFIG_MAPS, {
      metadata: { namespace: 'runner', name: MAP },
      data: Object.fromEntries(data) as Record<string, string>,
    });
  };
  const watching = (allowed: typeof rights) => {
    const clock = testClock();
    const logger = recordingLogger();
    const open = () => Promise.resolve(server.api(allowed, 'runner'));
    return { clock, logger, watch: createExpiryWatch({ open, configMap: MAP, clock, logger }) };
  };

  it('knows the expiry at the start and every ten minutes anew', async () => {
    put(1_000);
    const { clock, watch } = watching(rights);
    await watch.start?.(signal);
    await expect.poll(() => watch.status()?.expiresAt).toBe(1_000);
    put(2_000);
    await clock.advance(600_000);
    await expect.poll(() => watch.status()?.expiresAt).toBe(2_000);
    await watch.stop?.(signal);
    expect(clock.pendingTimers).toBe(0);
  });

  it('without the right says so once and works on', async () => {
    const { clock, logger, watch } = watching([]);
    await watch.start?.(signal);
    const told = (): number => logger.text().match(/cannot be read/g)?.length ?? 0;
    await expect.poll(told).toBe(1);
    await clock.advance(600_000);
    await expect.poll(() => server.calls.length).toBe(2);
    expect(told()).toBe(1);
    expect(watch.status()).toBeUndefined();
    await watch.stop?.(signal);
  });

  it('knows nothing of a ConfigMap that nobody has written to yet', async () => {
    server.put(CONFIG_MAPS, { metadata: { namespace: 'runner', name: MAP } });
    const { watch } = watching(rights);
    await watch.start?.(signal);
    await expect.poll(() => server.calls.length).toBe(1);
    expect(watch.status()).toBeUndefined();
    await watch.stop?.(signal);
  });
});
