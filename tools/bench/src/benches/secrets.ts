import type { Clock } from '@runner/core';
import { RunnerError } from '@runner/core';
import { testClock, testRandom } from '@runner/core/testing';
import type { SecretProvider, SecretResolution } from '@runner/secrets';
import { createSecretResolver, secretError, secretText } from '@runner/secrets';
import { createAwsProvider } from '@runner/secrets/aws';
import { createRedactor } from '@runner/secrets/exec';
import { createMemoryProvider } from '@runner/secrets/testing';
import { startTestAws } from '@runner/secrets/testing/servers';
import type { Bench } from '../bench.ts';
import type { SecretCache } from '../children/secret-cache.ts';
import type { Figure } from '../figure.ts';
import { startChild } from '../measure/child.ts';
import { logWithSecrets, secretValues } from './secret-log.ts';

/** References of a busy agent: many places that name few secrets. */
const REFERENCES = 1_000;
const SECRETS = 100;

/** What resolving and redacting costs the store, the processor and the memory. */
export const secrets: Bench = {
  name: 'secrets',
  title: 'Secret references',
  run: async ({ quick, clock, signal, say, note }) => {
    say('calls');
    const calls = [...(await callsOfMany()), await callsOfTwoRuns()];
    signal.throwIfAborted();
    say('a store that throttles');
    const throttled = await throttledStore(quick ? 100 : 500);
    signal.throwIfAborted();
    say('cache');
    const cached = [await cacheHit(quick, clock), ...(await cacheMemory(signal))];
    say('redactor');
    const redacted = redactorSpeed(quick, clock);
    note('- What is resident after 10,000 references is mostly room that V8 took for what it has collected since.');
    note('- The store that throttles works on a clock of its own, so that its seconds take none.');
    return [...calls, ...throttled, ...cached, redacted];
  },
};

const idOf = (index: number): string => `id-${index}`;
const many = Array.from({ length: REFERENCES }, (_, index) => `secret:${idOf(index % SECRETS)}`);

function requireAll(answers: readonly SecretResolution[]): void {
  if (answers.every(({ ok }) => ok)) return;
  throw new RunnerError('bench_secrets', 'a reference was not answered with its value');
}

async function callsOfMany(): Promise<readonly Figure[]> {
  const provider = createMemoryProvider(
    Object.fromEntries(secretValues(SECRETS).map((value, index) => [idOf(index), value])),
  );
  await using resolver = createSecretResolver({ provider });
  requireAll(await resolver.resolveAll(many));
  await using aws = await startTestAws();
  for (const [index, value] of secretValues(SECRETS).entries()) aws.put(idOf(index), value);
  const credentials = { accessKeyId: 'AKIATESTTESTTESTTEST', secretAccessKey: 'not-a-real-key' };
  const batching = createAwsProvider({ region: 'eu-west-1', endpoint: aws.url, credentials });
  await using batched = createSecretResolver({ provider: batching });
  requireAll(await batched.resolveAll(many));
  return [
    {
      what: '1,000 references of 100 secrets at once',
      value: provider.calls.length,
      unit: 'calls',
      promised: { of: 'value', most: 100 },
    },
    {
      what: 'the same in AWS, through its SDK',
      value: aws.calls.length,
      unit: 'calls',
      promised: { of: 'value', most: 5 },
    },
  ];
}

async function callsOfTwoRuns(): Promise<Figure> {
  const provider = createMemoryProvider({ db: 'value' });
  await using resolver = createSecretResolver({ provider });
  const config = { authType: { password: 'secret:db' } };
  await Promise.all([resolver.resolveConfig(config), resolver.resolveConfig(config)]);
  return {
    what: 'two runs at once with the same secret',
    value: provider.calls.length,
    unit: 'calls',
    promised: { of: 'value', most: 1 },
  };
}

const LIMIT_PER_SECOND = 50;
const LATENCY_MS = 20;
const STEP_MS = 10;
const LONGEST_MS = 600_000;

async function throttledStore(count: number): Promise<readonly Figure[]> {
  const clock = testClock();
  const calls: number[] = [];
  let refused = 0;
  const provider: SecretProvider = {
    describe: () => ({ name: 'bench', location: 'a store that throttles' }),
    fetch: async (id, { signal }) => {
      const now = clock.monotonic();
      calls.push(now);
      const over = calls.filter((at) => at > now - 1_000).length > LIMIT_PER_SECOND;
      await clock.sleep(LATENCY_MS, signal);
      if (!over) return secretText(`value of ${id}`, { provider: 'bench', id });
      refused += 1;
      throw secretError('secret_throttled', 'busy', { retryAfterMs: 1_000 });
    },
  };
  await using resolver = createSecretResolver({ provider, clock, random: testRandom() });
  const done: (readonly SecretResolution[])[] = [];
  const references = Array.from({ length: count }, (_, index) => `secret:${idOf(index)}`);
  void resolver.resolveAll(references).then((answers) => done.push(answers));
  while (done.length === 0 && clock.monotonic() < LONGEST_MS) await clock.advance(STEP_MS);
  const seconds = clock.monotonic() / 1_000;
  const answered = done.flat().filter(({ ok }) => ok).length;
  return [
    {
      what: `store of ${LIMIT_PER_SECOND} calls a second: calls made, of those allowed`,
      value: (100 * calls.length) / seconds / LIMIT_PER_SECOND,
      unit: '%',
      promised: { of: 'value', most: 100 },
    },
    { what: 'of them refused', value: (100 * refused) / calls.length, unit: '%' },
    {
      what: 'references answered with their value',
      value: (100 * answered) / count,
      unit: '%',
      promised: { of: 'value', least: 100 },
    },
  ];
}

async function cacheHit(quick: boolean, clock: Clock): Promise<Figure> {
  const provider = createMemoryProvider({ '/team/database/password': 'value' });
  await using resolver = createSecretResolver({ provider, ttlMs: 3_600_000 });
  const reference = 'secret:/team/database/password';
  const hits = quick ? 20_000 : 200_000;
  let fastest = Infinity;
  for (let round = 0; round < 10; round += 1) {
    const began = clock.monotonic();
    for (let hit = 0; hit < hits; hit += 1) await resolver.resolve(reference);
    fastest = Math.min(fastest, clock.monotonic() - began);
  }
  return {
    what: 'a reference that is known',
    value: (1_000 * fastest) / hits,
    unit: 'µs',
    promised: { of: 'value', most: 2 },
  };
}

const DISTINCT = 10_000;

async function cacheMemory(signal: AbortSignal): Promise<readonly Figure[]> {
  await using child = startChild<SecretCache>('children/secret-cache.ts', signal);
  const { heap, resident } = await child.ask('fill', DISTINCT);
  return [
    {
      what: '10,000 distinct references: heap',
      value: heap / 1e6,
      unit: 'MB',
      promised: { of: 'value', most: 30 },
    },
    { what: 'the same: resident when all were resolved at once', value: resident / 1e6, unit: 'MB' },
  ];
}

function redactorSpeed(quick: boolean, clock: Clock): Figure {
  const values = secretValues(SECRETS);
  const chunks = logWithSecrets(values, quick ? 4 * 1024 * 1024 : 16 * 1024 * 1024);
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  let fastest = Infinity;
  for (let round = 0; round < 5; round += 1) {
    const redactor = createRedactor(values);
    // The table of all forms is made by the first chunk, once in the life of a program.
    redactor.push(Buffer.from('\n'));
    const began = clock.monotonic();
    let told = 0;
    for (const chunk of chunks) told += redactor.push(chunk).length;
    told += redactor.end().length;
    fastest = Math.min(fastest, clock.monotonic() - began);
    if (told === bytes) throw new RunnerError('bench_secrets', 'nothing was redacted');
  }
  return {
    what: 'redactor with 100 values in all their forms',
    value: bytes / 1_000 / fastest,
    unit: 'MB/s',
    promised: { of: 'value', least: 50 },
  };
}
