import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import type { JsonObject } from '../../src/store/ports.ts';

export interface FuzzTarget {
  readonly app: FastifyInstance;
  readonly token: string;
  /** Ids and names of things that exist, so that requests get past "there is none". */
  readonly known: readonly string[];
  /** Bodies that are accepted at some paths, to be bent. */
  readonly samples: readonly Sample[];
}

export interface Sample {
  /** Of the path templates it belongs to. */
  readonly at: RegExp;
  readonly body: unknown;
}

interface Shot {
  readonly method: string;
  readonly url: string;
  readonly type: string;
  readonly payload: string | undefined;
}

/**
 * Any request to any path, nearly right ones and hopeless ones: nothing may be answered with 5xx, nothing may hang, and
 * every refusal has the one shape of errors.
 */
export async function fuzzApi(target: FuzzTarget, numRuns: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(shots(target), async (shot) => {
      const response = await target.app.inject({
        method: shot.method as 'GET',
        url: shot.url,
        headers: {
          authorization: `Bearer ${target.token}`,
          ...(shot.payload === undefined ? {} : { 'content-type': shot.type }),
        },
        ...(shot.payload === undefined ? {} : { payload: shot.payload }),
      });
      if (response.statusCode >= 500) throw new Error(`${response.statusCode}: ${response.body}`);
      if (response.statusCode < 400) return;
      const body = response.json<JsonObject>();
      if (body['code'] !== response.statusCode || typeof body['errorType'] !== 'string') {
        throw new Error(`not the shape of errors: ${response.body}`);
      }
    }),
    { numRuns },
  );
}

const NASTY = [
  '',
  '.',
  '..',
  '%00',
  '%ff',
  '%ed%a0%80',
  '%F0%9F%98%80',
  '__proto__',
  'constructor',
  'a%2Fb',
  "';--",
  '\\',
  '00000000-0000-4000-8000-000000000000',
  '00000000-0000-0000-0000-00000000000',
  '9'.repeat(400),
  'ü'.repeat(300),
];

function shots({ app, known, samples }: FuzzTarget): fc.Arbitrary<Shot> {
  const anything = fc.oneof(
    fc.constantFrom(...NASTY),
    fc.string().map((text) => encodeURIComponent(Buffer.from(text).toString())),
  );
  const word = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...known) }, { weight: 1, arbitrary: anything });
  // Streams are answered until their run has ended, which here nothing does.
  const routes = Object.entries(app.swagger().paths ?? {})
    .filter(([path]) => !path.includes('stream'))
    .flatMap(([path, methods]) =>
      Object.keys((methods ?? {}) as object).map((method) => ({ path, method: method.toUpperCase() })),
    );
  return fc.constantFrom(...routes).chain((route) =>
    fc.record({
      method: fc.oneof(
        { weight: 12, arbitrary: fc.constant(route.method) },
        { weight: 1, arbitrary: fc.constantFrom('GET', 'POST', 'PUT', 'PATCH') },
      ),
      // What is known is not deleted, or there would soon be nothing left to try.
      url: fc
        .tuple(fc.array(route.method === 'DELETE' ? anything : word, { minLength: 4, maxLength: 4 }), queries(word))
        .map(([words, query]) => {
          let next = 0;
          return route.path.replace(/\{[A-Za-z]+\}/g, () => words[next++ % words.length] ?? 'x') + query;
        }),
      type: fc.oneof(
        {
          weight: 9,
          arbitrary: fc.constant(route.method === 'PATCH' ? 'application/json-patch+json' : 'application/json'),
        },
        { weight: 1, arbitrary: fc.constantFrom('text/plain', 'x/y', 'application/json') },
      ),
      payload: payloads(samples.filter(({ at }) => at.test(`${route.method} ${route.path}`)).map(({ body }) => body)),
    }),
  );
}

function queries(word: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const number = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(-1, 1e308, 2 ** 53, -0));
  const key = fc.constantFrom('limit', 'after', 'before', 'fields', 'startTs', 'endTs', 'hardDelete', 'status', 'x');
  const value = fc.oneof(number.map(String), word, fc.constantFrom('true', 'false', 'Active'));
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant('') },
    {
      weight: 1,
      arbitrary: fc
        .array(fc.tuple(key, value), { minLength: 1, maxLength: 3 })
        .map((pairs) => `?${pairs.map(([name, text]) => `${name}=${text}`).join('&')}`),
    },
  );
}

function payloads(bodies: readonly unknown[]): fc.Arbitrary<string | undefined> {
  const json = fc.jsonValue({ maxDepth: 5 });
  const sample = bodies.length === 0 ? json : fc.constantFrom(...bodies);
  const bent = fc
    .tuple(sample, fc.array(fc.tuple(fc.nat(), json), { minLength: 1, maxLength: 3 }))
    .map(([body, changes]) =>
      changes.reduce((value: unknown, [at, replacement]) => bend(value, at, replacement), body),
    );
  return fc.oneof(
    { weight: 6, arbitrary: bent.map((value) => JSON.stringify(value)) },
    { weight: 4, arbitrary: sample.map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: json.map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: fc.string() },
    { weight: 1, arbitrary: fc.constant(undefined) },
  );
}

/** One place of a document, chosen by number, replaced. */
function bend(value: unknown, at: number, replacement: unknown): unknown {
  const places = placesOf(value, []);
  const place = places[at % places.length] ?? [];
  return put(value, place, replacement);
}

function placesOf(value: unknown, path: readonly string[]): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, item]) => placesOf(item, [...path, key]))];
}

function put(value: unknown, [head, ...rest]: readonly string[], replacement: unknown): unknown {
  if (head === undefined) return replacement;
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) => (String(index) === head ? put(item, rest, replacement) : item));
  }
  return Object.fromEntries(
    Object.entries(value as JsonObject).map(([key, item]) => [key, key === head ? put(item, rest, replacement) : item]),
  );
}

/** Bodies of every resource, with these references. */
export function sampleBodies(ids: {
  readonly serviceId: string;
  readonly runnerId: string;
  readonly runId: string;
}): readonly Sample[] {
  const { serviceId, runnerId, runId } = ids;
  const service = {
    name: 'warehouse',
    serviceType: 'Postgres',
    description: 'd',
    connection: { config: { hostPort: 'db', authType: { password: 'secret:x' }, list: [1, { a: null }] } },
    ingestionRunner: { id: runnerId, type: 'ingestionRunner', name: 'runner-a' },
  };
  const pipeline = {
    name: 'metadata',
    pipelineType: 'metadata',
    sourceConfig: { config: { type: 'DatabaseMetadata', filter: { includes: ['a'] } } },
    airflowConfig: {
      scheduleInterval: '0 * * * *',
      pipelineTimezone: 'UTC',
      startDate: '2026-01-01',
      retries: 1,
      retryDelay: 5,
      concurrency: 1,
      workflowTimeout: 60,
    },
    service: { id: serviceId, type: 'databaseService' },
    loggerLevel: 'INFO',
    openMetadataServerConnection: { hostPort: 'http://om.test/api', securityConfig: { jwtToken: 'x' } },
  };
  const step = { name: 'Postgres', records: 1, failures: [{ name: 'a', error: 'b', stackTrace: 'c' }] };
  const request = {
    connection: { config: { password: 'secret:x' } },
    connectionType: 'Postgres',
    serviceName: 'warehouse',
    ingestionRunner: 'runner-a',
  };
  return [
    { at: /(POST|PUT) .*Services$/, body: service },
    { at: /(POST|PUT) .*Services$/, body: { ...service, name: 'other', ingestionRunner: null } },
    { at: /(POST|PUT) .*ingestionPipelines$/, body: pipeline },
    { at: /(POST|PUT) .*ingestionPipelines$/, body: { ...pipeline, name: 'other', pipelineType: 'usage' } },
    {
      at: /pipelineStatus$/,
      body: { runId, pipelineState: 'running', startDate: 1, timestamp: 2, endDate: 3, status: [step] },
    },
    { at: /progress/, body: { runId, timestamp: 1, updateType: 'PROCESSING', progress: { table: { total: 1 } } } },
    { at: /logs/, body: { logs: 'line', timestamp: 1, connectorId: 'h', compressed: false, lineCount: 1 } },
    { at: /logs/, body: 'a line' },
    { at: /POST .*workflows$/, body: { name: 'test-connection', workflowType: 'TEST_CONNECTION', request } },
    {
      at: /(POST|PUT) .*apps$/,
      body: { name: 'App', appConfiguration: { apiKey: 'secret:x' }, pipelines: [{ id: serviceId }] },
    },
    {
      at: /testConnectionDefinitions$/,
      body: { name: 'Postgres', steps: [{ name: 'CheckAccess', description: 'd' }] },
    },
    { at: /POST .*ingestionRunners$/, body: { name: 'runner-b', displayName: 'B', description: 'd' } },
    { at: /POST .*tokens$/, body: { role: 'user', subject: 'somebody', expiresAt: 4_000_000_000_000 } },
    { at: /bulk/, body: [serviceId] },
    { at: /trigger/, body: { x: 1 } },
    {
      at: /PATCH/,
      body: [
        { op: 'replace', path: '/description', value: 'x' },
        { op: 'add', path: '/connection/config/authType/password', value: 'secret:y' },
        { op: 'remove', path: '/displayName' },
      ],
    },
    { at: /PATCH/, body: [{ op: 'add', path: '/displayName', value: 'D' }] },
    { at: /PATCH .*workflows/, body: [{ op: 'add', path: '/status', value: 'Running' }] },
    { at: /PATCH .*workflows/, body: [{ op: 'add', path: '/response', value: { steps: [] } }] },
  ];
}
