import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WORKFLOWS } from '@runner/executor-argo';
import { JOBS, SECRETS } from '@runner/kube';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { logEvents, restOf } from '../../src/logs.ts';
import { eventually } from '../../src/waiting.ts';
import type { LeakScene, RunnerOfScene } from '../support/leak-scene.ts';
import { openLeakScene } from '../support/leak-scene.ts';
import type { Mark, Place } from '../support/leak-search.ts';
import { findLeaks } from '../support/leak-search.ts';
import { refusingDatabase } from '../support/refusing-database.ts';
import type { Pipeline } from '../support/runner.ts';

/** In every made-up secret of this file; no encoding changes its letters but those that change all. */
const WORD = 'LeakMark7f3a';
/** None of them is a real one. */
const VALUES = {
  db: `${WORD}Db-ä/+&="'\\ $HOME %41 end`,
  wrong: `${WORD}Wrong "quoted" \t & co.`,
  lines: `-----BEGIN ${WORD}-----\n${WORD}FirstLine/+=\n${WORD}SecondLine/+=\n-----END ${WORD}-----\n`,
} as const;
const PLAIN = `${WORD}Plain-typed-by-hand`;
const MARKS: readonly Mark[] = Object.entries({ ...VALUES, plain: PLAIN }).map(([name, value]) => ({ name, value }));
const WORDS: readonly Mark[] = [{ name: 'a part of a secret', value: WORD }];

let scene: LeakScene;
let database: Awaited<ReturnType<typeof refusingDatabase>>;
beforeAll(async () => {
  database = await refusingDatabase();
  scene = await openLeakScene(VALUES);
});
afterAll(async () => {
  await scene[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

const connectionWith = (password: string) => ({
  config: {
    ...{ type: 'Postgres', username: 'nobody', hostPort: database.hostPort, database: 'none' },
    authType: { password },
    sslConfig: { caCertificate: 'secret:lines' },
  },
});

const serviceOf = (name: string, runner: string, password: string) => ({
  ...{ name, serviceType: 'Postgres', connection: connectionWith(password) },
  ingestionRunner: { type: 'ingestionRunner', name: runner },
});

/** A pipeline of a service of its own, named alike. */
async function pipelineOf({ runner }: RunnerOfScene, name: string, password: string, more = {}): Promise<Pipeline> {
  const { id } = await scene.ask('POST', 'services/databaseServices', serviceOf(name, runner.name, password));
  return runner.pipeline({ name, service: { id, type: 'databaseService' }, ...more });
}

interface EndedRun {
  readonly pipeline: Pipeline;
  readonly runId: string;
  readonly state: string;
}

async function started(pipeline: Pipeline): Promise<{ readonly pipeline: Pipeline; readonly runId: string }> {
  return { pipeline, runId: await pipeline.trigger() };
}

async function ended({ pipeline, runId }: Awaited<ReturnType<typeof started>>): Promise<EndedRun> {
  const { state } = await scene.world.ended(runId);
  return { pipeline, runId, state };
}

/** Waits until a program that hangs has said everything; gives its pid. */
async function hanging({ pipeline, runId }: Awaited<ReturnType<typeof started>>): Promise<number> {
  let text = '';
  for await (const { logs } of logEvents(scene.world.api, pipeline.fqn, runId)) {
    text += String(logs);
    const pid = /that is all of (\d+)/.exec(text)?.[1];
    if (pid !== undefined) return Number(pid);
  }
  throw new Error(`the program did not hang:\n${text}`);
}

async function leakyRuns(): Promise<readonly EndedRun[]> {
  const there = await scene.runner('leaky', 'leaky');
  const begin = async (name: string, more = {}) => started(await pipelineOf(there, name, 'secret:db', more));
  const [prints, crashes, killed, cancelled, late] = await Promise.all([
    begin('it-prints'),
    begin('it-crashes'),
    begin('killed-hangs'),
    begin('cancelled-hangs'),
    begin('late-hangs', { airflowConfig: { workflowTimeout: 6 } }),
  ]);
  process.kill(await hanging(killed), 'SIGKILL');
  await hanging(cancelled);
  await scene.ask('POST', `services/ingestionPipelines/kill/${cancelled.pipeline.id}`);
  return Promise.all([prints, crashes, killed, cancelled, late].map(ended));
}

async function quickstartRuns(): Promise<readonly EndedRun[]> {
  const there = await scene.runner('quickstart', 'quickstart');
  const pipelines = [
    pipelineOf(there, 'wrong-secret', 'secret:wrong'),
    pipelineOf(there, 'missing-secret', 'secret:nosuch'),
  ];
  const runs = Promise.all(pipelines.map(async (pipeline) => ended(await started(await pipeline))));
  const workflow = await scene.ask('POST', 'automations/workflows', {
    ...{ name: 'failing-test', workflowType: 'TEST_CONNECTION' },
    request: {
      ...{ connection: connectionWith('secret:wrong'), connectionType: 'Postgres', serviceType: 'Database' },
      ingestionRunner: { type: 'ingestionRunner', name: there.runner.name },
    },
  });
  const path = `automations/workflows/${String(workflow['id'])}`;
  await scene.ask('POST', path.replace('workflows/', 'workflows/trigger/'));
  await eventually('the test has failed', async () => (await scene.world.api.call('GET', path))['status'] === 'Failed');
  const { response } = await scene.ask('GET', path);
  expect(JSON.stringify(response)).toContain('[redacted]');
  return runs;
}

async function jobRuns(): Promise<readonly EndedRun[]> {
  const there = await scene.runner('jobs', 'jobs');
  const { cluster, server } = scene.place;
  const names = ['job-prints', 'job-is-cancelled', 'job-is-killed'];
  const runs = await Promise.all(
    names.map(async (name) => started(await pipelineOf(there, name, 'secret:in-the-cluster'))),
  );
  const jobs = await Promise.all(runs.map(({ runId }) => scene.place.running(runId)));
  const [prints = '', cancelled = '', killed = ''] = jobs;
  const token = tokensOfStarts(scene).find(({ name }) => name.includes(runs[0]?.runId ?? ' '))?.value ?? '';
  for (const job of jobs) {
    cluster.print(job, `Authorization: Bearer ${token}\n{"jwtToken":"${token}"}\n${token}\nlogged in with ${token}.\n`);
  }
  cluster.exit(prints, 1);
  cluster.oomKill(killed);
  cluster.resist(cancelled);
  await scene.ask('POST', `services/ingestionPipelines/kill/${runs[1]?.pipeline.id ?? ''}`);
  expect(server.objects(JOBS)).toHaveLength(3);
  expect(server.objects(SECRETS).length).toBeGreaterThan(0);
  return Promise.all(runs.map(ended));
}

/** Their config stands in the Workflow itself, once for the program and once, with a token of its own, for the exit step. */
async function workflowRuns(): Promise<readonly EndedRun[]> {
  const there = await scene.runner('workflows', 'workflows');
  const { cluster, server } = scene.place;
  const names = ['workflow-prints', 'workflow-is-cancelled'];
  const runs = await Promise.all(
    names.map(async (name) => started(await pipelineOf(there, name, 'secret:in-the-cluster'))),
  );
  const [prints = '', cancelled = ''] = await Promise.all(runs.map(({ runId }) => scene.place.runningWorkflow(runId)));
  for (const { value } of tokensOfStarts(scene).filter(({ name }) => name.includes(runs[0]?.runId ?? ' '))) {
    cluster.print(prints, `Authorization: Bearer ${value}\n{"jwtToken":"${value}"}\n${value}\n`);
  }
  cluster.exit(prints, 1);
  await scene.ask('POST', `services/ingestionPipelines/kill/${runs[1]?.pipeline.id ?? ''}`);
  const ends = await Promise.all(runs.map(ended));
  expect(server.objects(WORKFLOWS)).toHaveLength(2);
  expect(scene.place.argo.exitSteps(cancelled)).toBe(1);
  return ends;
}

/** Everything that holds a typed password is refused, by whichever door it comes. */
async function plaintext(): Promise<void> {
  const service = serviceOf('plaintext', 'leaky', PLAIN);
  for (const method of ['POST', 'PUT']) {
    expect(await scene.ask(method, 'services/databaseServices', service)).toMatchObject({
      errorType: 'plaintext_secret',
    });
  }
  await scene.ask('POST', 'services/databaseServices', { ...service, unknown: { password: PLAIN } });
  await scene.ask('POST', 'services/databaseServices', { ...service, connection: PLAIN });
  await scene.send('POST', 'services/databaseServices', `{"name":"broken","password":"${PLAIN}",,}`);
  await scene.send('POST', 'services/databaseServices', JSON.stringify(service).slice(0, -9));
  const request = {
    ...{ connection: connectionWith(PLAIN), connectionType: 'Postgres', serviceType: 'Database' },
    ingestionRunner: { type: 'ingestionRunner', name: 'leaky' },
  };
  const workflow = { name: 'plaintext-test', workflowType: 'TEST_CONNECTION', request };
  expect(await scene.ask('POST', 'automations/workflows', workflow)).toMatchObject({ errorType: 'plaintext_secret' });
}

/** The references of a service, read where its workloads run, before it is saved. */
async function checks(): Promise<void> {
  const connection = { ...connectionWith('secret:db'), more: 'secret:nosuch' };
  const answer = await scene.ask('POST', 'ingestionRunners/leaky/check-secrets', { connection });
  expect(answer).toMatchObject({
    ok: false,
    results: [
      { reference: 'secret:db', ok: true, pointers: ['/config/authType/password'] },
      { reference: 'secret:lines', ok: true, warnings: [{ code: 'value_trailing_newline' }] },
      { reference: 'secret:nosuch', ok: false, code: 'secret_not_found' },
    ],
  });
  const jobs = await scene.ask('POST', 'ingestionRunners/jobs/check-secrets', { connection });
  expect(jobs).toMatchObject({ errorType: 'secret_check_not_supported' });
}

/** Every way to read what there is. */
async function readAll(runs: readonly EndedRun[]): Promise<void> {
  const { world } = scene;
  for (const { pipeline, runId } of runs) {
    const fqn = encodeURIComponent(pipeline.fqn);
    const content = await restOf(logEvents(world.api, pipeline.fqn, runId));
    scene.saw({ name: `log stream of ${pipeline.fqn}`, content });
    const paths = [
      `runs/${runId}`,
      `services/ingestionPipelines/${pipeline.id}`,
      `services/ingestionPipelines/name/${fqn}`,
      `services/ingestionPipelines/${fqn}/pipelineStatus`,
      `services/ingestionPipelines/logs/${fqn}/${runId}`,
      `services/ingestionPipelines/logs/${fqn}/last`,
      `services/ingestionPipelines/logs/${fqn}/last/download`,
    ];
    for (const path of paths) await scene.ask('GET', path);
  }
  const lists = [
    'runs',
    'ingestionRunners',
    'services/databaseServices',
    'services/ingestionPipelines',
    'automations/workflows',
    'tokens',
  ];
  for (const path of lists) await scene.ask('GET', `${path}?limit=100`);
}

interface Start {
  readonly type?: string;
  readonly run?: { readonly runId: string; readonly config: unknown; readonly exitToken?: string };
}

/** The tokens that the control plane sent with its starts: the one place in which they may be. */
function tokensOfStarts({ proxy }: LeakScene): readonly Mark[] {
  return proxy.frames().flatMap(({ from, text }) => {
    const { type, run } = (from === 'server' && text.startsWith('{') ? JSON.parse(text) : {}) as Start;
    if (type !== 'start' || run === undefined) return [];
    const token = /"jwtToken":"([^"]+)"/.exec(JSON.stringify(run.config))?.[1];
    const { runId, exitToken } = run;
    return [
      ...(token === undefined ? [] : [{ name: `token of the run ${runId}`, value: token }]),
      ...(exitToken === undefined ? [] : [{ name: `token of the exit step of ${runId}`, value: exitToken }]),
    ];
  });
}

/**
 * The frames of starts without their config and their exit token, and without it the Secrets, Workflows and pods of
 * Workflows that carry the config: decision records allow these.
 */
function beyondConfig({ name, content }: Place): Place {
  if (typeof content !== 'string') return { name, content };
  if (name === 'frame from server' && content.startsWith('{"type":"start"')) {
    return {
      name,
      content: JSON.stringify(JSON.parse(content), (key, value: unknown) =>
        key === 'config' || key === 'exitToken' ? '' : value,
      ),
    };
  }
  const hide = hidingIn(name);
  if (hide === undefined) return { name, content };
  return { name, content: JSON.stringify(JSON.parse(content.slice(content.indexOf('{'))), hide) };
}

type Hide = (key: string, value: unknown) => unknown;

function hidingIn(name: string): Hide | undefined {
  if (/^manifest: (Secret|create secrets)$/.test(name)) {
    return (key, value) => (/^(string)?data$/i.test(key) ? '' : value);
  }
  if (!/^manifest: (Workflow|Pod|create workflows)$/.test(name)) return undefined;
  return (_key, value) => (isConfigVariable(value) ? { ...value, value: '' } : value);
}

const isConfigVariable = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && 'name' in value && value.name === 'config';

/** Long enough to be nothing else, and in every copy of the token. */
const signatureOf = ({ name, value }: Mark): Mark => ({ name, value: value.split('.')[2]?.slice(0, 40) ?? value });

describe('the whole bridge, with workloads that fail in every way', () => {
  let places: readonly Place[] = [];
  let tokens: readonly Mark[] = [];
  it('runs them', async () => {
    const [leaky, quickstart, jobs, workflows] = await Promise.all([
      leakyRuns(),
      quickstartRuns(),
      jobRuns(),
      workflowRuns(),
    ]);
    await plaintext();
    await checks();
    const runs = [...leaky, ...quickstart, ...jobs, ...workflows];
    expect(Object.fromEntries(runs.map(({ pipeline, state }) => [pipeline.fqn.split('.').at(-1), state]))).toEqual({
      'it-prints': 'failed',
      'it-crashes': 'failed',
      'killed-hangs': 'failed',
      'cancelled-hangs': 'cancelled',
      'late-hangs': 'failed',
      'wrong-secret': 'failed',
      'missing-secret': 'failed',
      'job-prints': 'failed',
      'job-is-cancelled': 'cancelled',
      'job-is-killed': 'failed',
      'workflow-prints': 'failed',
      'workflow-is-cancelled': 'cancelled',
    });
    await readAll(runs);
    places = await scene.places();
    tokens = tokensOfStarts(scene);
    expect(tokens.length).toBeGreaterThanOrEqual(runs.length);
  });

  it('shows that they failed with their secrets at hand', () => {
    const text = places.map(({ content }) => content.toString()).join('\n');
    expect(text).toContain('cannot connect with [redacted]');
    expect(text).toContain('password authentication failed: "[redacted]" is not the password'.replaceAll('"', '\\"'));
    expect(text).toContain('secret_not_found');
  });

  it('keeps every secret to the workloads', () => {
    expect(findLeaks(places, MARKS, WORDS)).toEqual([]);
  });

  it('has the tokens of runs in the config of their starts and nowhere else', () => {
    expect(findLeaks(places.map(beyondConfig), tokens, tokens.map(signatureOf))).toEqual([]);
  });

  it('sends tokens for exit steps only to agents that have some', () => {
    const names = tokens.map(({ name }) => name).filter((name) => name.includes('exit step'));
    expect(new Set(names).size).toBe(2);
    const manifests = places
      .filter(({ name }) => name === 'manifest: Workflow')
      .map(({ content }) => content.toString());
    const exit = tokens.filter(({ name }) => names.includes(name));
    // They are where they belong, so the search above had something to find.
    for (const { value } of exit) expect(manifests.some((manifest) => manifest.includes(value))).toBe(true);
  });

  it('has the tokens of agents and of the administrator nowhere but in the files they are read from', async () => {
    const files = ['leaky', 'quickstart', 'jobs', 'workflows'].map((name) => scene.there(name).runner.tokenFile);
    const values = [
      await scene.world.server.adminToken(),
      ...(await Promise.all(files.map((file) => readFile(file, 'utf8')))),
    ];
    const theirs = values.map((value, index) => ({ name: `token ${index}`, value }));
    expect(findLeaks(places, theirs, theirs.map(signatureOf))).toEqual([]);
  });
});

/** A word that is no secret, put everywhere: what the search does not find is not searched. */
const PLANTED: readonly Mark[] = [{ name: 'planted', value: 'PlantedWord7f3a' }];

describe('the search itself', () => {
  it('finds a word in every kind of place, also encoded, within a longer encoding, and compressed', async () => {
    const [{ value: word }] = PLANTED as readonly [Mark];
    const hidden = Buffer.from(`{"user":"x","password":"${word}!"}`).toString('base64');
    const [local, jobs] = [scene.there('quickstart'), scene.there('jobs')];
    const [pipeline, job] = await Promise.all([
      pipelineOf(local, word, 'secret:nosuch'),
      pipelineOf(jobs, `${word}-job`, 'secret:in-the-cluster'),
    ]);
    const runs = await Promise.all([started(pipeline), started(job)]);
    const name = await scene.place.running(runs[1].runId);
    scene.place.cluster.print(name, `${'a line to be compressed\n'.repeat(1_000)}${hidden}\n`);
    scene.place.cluster.exit(name, 1);
    await readAll(await Promise.all(runs.map(ended)));
    await writeFile(join(scene.temporary, 'dump'), hidden);
    const found = findLeaks(await scene.places(), PLANTED, PLANTED).map(({ place }) => place);
    for (const place of [
      ...['frame from agent', 'frame from server', 'REST through the proxy', `REST: GET runs/${runs[0].runId}`],
      ...['store: public.entities', 'store: public.runs', 'store: public.log_parts (unpacked)'],
      ...['manifest: Job', 'manifest: Pod', 'manifest: create jobs', 'temporary files: dump'],
      `folder: runs-of-quickstart/runs/${runs[0].runId}/log`,
      `log stream of ${job.fqn}`,
    ]) {
      expect(found).toContain(place);
    }
    expect(found.some((place) => place.startsWith('folder: control-plane/postgres/'))).toBe(true);
  });

  it('reads the logs and the metrics of every process', async () => {
    const places = await scene.places();
    const namesWith = (value: string): readonly string[] =>
      findLeaks(places, [], [{ name: 'known', value }]).map(({ place }) => place);
    expect(namesWith('the control plane is ready')).toContain('log: control plane');
    for (const agent of ['leaky', 'quickstart', 'jobs', 'workflows']) {
      expect(namesWith(`agentId=${agent}`)).toContain(`log: agent ${agent}`);
      expect(namesWith('collate_hybrid_agent_connection_attempts_total')).toContain(`metrics: agent ${agent}`);
    }
  });

  it('would have found each secret in each of the ways in which the programs print it', () => {
    for (const mark of MARKS) {
      const writings = [
        ...[mark.value, encodeURIComponent(mark.value), JSON.stringify({ password: mark.value })],
        ...(['base64', 'base64url', 'hex'] as const).map((encoding) => Buffer.from(mark.value).toString(encoding)),
        Buffer.from(JSON.stringify({ before: 'x', password: mark.value })).toString('base64'),
        Buffer.from(mark.value).toString('hex').toUpperCase(),
      ];
      for (const content of writings) {
        expect(findLeaks([{ name: 'x', content: `before ${content} after` }], MARKS, []), content).not.toEqual([]);
        expect(findLeaks([{ name: 'x', content: `before ${content} after` }], [], WORDS), content).not.toEqual([]);
      }
    }
  });
});
