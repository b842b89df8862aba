import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, systemRandom } from '@runner/core';
import { startEmbeddedPostgres } from '@runner/control-plane/embedded-postgres';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StubServer } from '../support/openmetadata.ts';
import { stubServer } from '../support/openmetadata.ts';
import type { Program } from '../support/program.ts';
import { startQuickstart } from '../support/program.ts';

const TOKEN = 'made-up-run-token';
const PASSWORD = 'made-up-password-of-a-test';
const RUN_ID = '6f1d3c1e-0000-4000-8000-000000000001';
const FQN = 'shop_pg.metadata';
const STATUS = /^services\/ingestionPipelines\/shop_pg\.metadata\/pipelineStatus$/;

let folder: string;
interface Session extends AsyncDisposable {
  readonly query: (sql: string) => Promise<void>;
}

let database: {
  readonly port: number;
  readonly session: () => Promise<Session>;
  readonly query: Session['query'];
  readonly stop: () => Promise<void>;
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quickstart-'));
  const server = await startEmbeddedPostgres({
    folder: join(folder, 'database'),
    database: 'shop',
    clock: systemClock({ keepAlive: true }),
    random: systemRandom(),
  });
  const session = async (): Promise<Session> => {
    const client = new pg.Client({ connectionString: server.url.replace(/[^/]*$/, 'shop') });
    await client.connect();
    return {
      query: async (sql) => {
        await client.query(sql);
      },
      [Symbol.asyncDispose]: () => client.end(),
    };
  };
  const query = async (sql: string): Promise<void> => {
    await using one = await session();
    await one.query(sql);
  };
  await query(await readFile(new URL('../../../../examples/quickstart/demo-schema.sql', import.meta.url), 'utf8'));
  await query(`ALTER ROLE demo_reader PASSWORD '${PASSWORD}'`);
  database = { port: Number(new URL(server.url).port), session, query, stop: () => server.stop() };
  await mkdir(join(folder, 'secrets'), { mode: 0o700 });
  await writeFile(join(folder, 'secrets', 'demo-db-password'), PASSWORD, { mode: 0o600 });
  await writeFile(join(folder, 'secrets', 'wrong-password'), 'made-up-and-wrong', { mode: 0o600 });
});

afterAll(async () => {
  await database.stop();
  await rm(folder, { recursive: true, force: true });
});

const connectionWith = (password: string) => ({
  config: {
    type: 'Postgres',
    username: 'demo_reader',
    authType: { password },
    hostPort: `127.0.0.1:${database.port}`,
    database: 'shop',
  },
});

function serverWith(password: string, more: Readonly<Record<string, unknown>> = {}): Promise<StubServer> {
  return stubServer(TOKEN, {
    'system/version': { version: '2.0.6' },
    'services/databaseServices/name/shop_pg': { name: 'shop_pg', connection: connectionWith(password) },
    ...more,
  });
}

function startPipeline(server: StubServer, env: Readonly<Record<string, string>> = {}): Program {
  const openMetadataServerConfig = { hostPort: server.hostPort, securityConfig: { jwtToken: TOKEN } };
  return startQuickstart({
    config: JSON.stringify({
      source: { type: 'postgres', serviceName: 'shop_pg', sourceConfig: { config: { type: 'DatabaseMetadata' } } },
      workflowConfig: { openMetadataServerConfig: { ...openMetadataServerConfig, secretsManagerProvider: 'file' } },
    }),
    pipelineType: 'metadata',
    pipelineRunId: RUN_ID,
    ingestionPipelineFQN: FQN,
    SECRETS_FILE_DIR: join(folder, 'secrets'),
    ...env,
  });
}

describe('the quickstart ingestion', () => {
  it('catalogues and profiles a real database and reports it step by step', async () => {
    await using server = await serverWith('secret:demo-db-password', {
      [`services/ingestionPipelines/${FQN}/pipelineStatus/${RUN_ID}`]: { runId: RUN_ID, startDate: 1_700_000_000_000 },
    });
    const file = join(folder, 'catalogue.json');
    const program = startPipeline(server, { CATALOGUE_FILE: file });
    expect(await program.ended).toBe(0);

    const statuses = server.bodies('PUT', STATUS);
    expect(statuses).toMatchObject([
      { runId: RUN_ID, pipelineState: 'running', startDate: 1_700_000_000_000 },
      {
        runId: RUN_ID,
        pipelineState: 'success',
        startDate: 1_700_000_000_000,
        status: [
          { name: 'Postgres', records: 20, errors: 0 },
          { name: 'Profiler', records: 17, errors: 0, failures: [] },
        ],
        metadata: { schemas: 3, tables: 16, views: 4, rowsProfiled: expect.any(Number) as unknown },
      },
    ]);
    const progress = server.bodies('PUT', /^services\/ingestionPipelines\/progress\//);
    expect(progress.at(-1)).toMatchObject({
      updateType: 'PIPELINE_COMPLETE',
      progress: { tables: { total: 17, processed: 17 } },
    });
    expect(program.output()).toContain('Profiled sales.order_items rows=24000 columns=5');

    const catalogue = JSON.parse(await readFile(file, 'utf8')) as CatalogueDocument;
    const orders = catalogue.schemas.find(({ name }) => name === 'sales')?.tables.find(({ name }) => name === 'orders');
    expect(orders).toMatchObject({
      comment: 'Orders of all channels',
      primaryKey: ['id'],
      profile: { rows: 8_000, sampled: false },
    });
    expect(orders?.foreignKeys).toContainEqual({
      name: 'orders_customer_id_fkey',
      columns: ['customer_id'],
      table: 'sales.customers',
      foreignColumns: ['id'],
    });
    expect(orders?.profile.columns.find(({ name }) => name === 'shipped_at')).toMatchObject({ nullShare: 0.4 });
  });

  it('prints and sends neither the password nor the token', async () => {
    await using server = await serverWith('secret:demo-db-password');
    const program = startPipeline(server);
    await program.ended;
    const said = `${program.output()} ${JSON.stringify(server.calls)}`;
    expect(said).not.toContain(PASSWORD);
    expect(said).not.toContain(TOKEN);
  });

  it.each([
    ['a wrong password', 'secret:wrong-password', 'password authentication failed'],
    ['a secret that is not there', 'secret:nosuch', 'there is no file for the secret "nosuch"'],
    ['a masked password', '********', 'masked'],
  ])('says that it failed because of %s', async (_, password, text) => {
    await using server = await serverWith(password);
    const program = startPipeline(server);
    expect(await program.ended).toBe(1);
    expect(server.bodies('PUT', STATUS)).toMatchObject([
      { pipelineState: 'running' },
      {
        pipelineState: 'failed',
        status: [{ errors: 1, failures: [{ error: expect.stringContaining(text) as unknown }] }],
      },
    ]);
    expect(program.output()).toContain(text);
  });

  it('goes on when one table may not be read, and says which', async () => {
    await database.query('REVOKE SELECT ON sales.reviews FROM demo_reader');
    try {
      await using server = await serverWith('secret:demo-db-password');
      expect(await startPipeline(server).ended).toBe(0);
      expect(server.bodies('PUT', STATUS).at(-1)).toMatchObject({
        pipelineState: 'partialSuccess',
        status: [{ errors: 0 }, { records: 16, errors: 1, failures: [{ name: 'sales.reviews' }] }],
      });
    } finally {
      await database.query('GRANT SELECT ON sales.reviews TO demo_reader');
    }
  });

  it('leaves its status alone when it is told to stop', async () => {
    await using server = await serverWith('secret:demo-db-password');
    await using locked = await database.session();
    await locked.query('BEGIN; LOCK TABLE people.departments IN ACCESS EXCLUSIVE MODE');
    const program = startPipeline(server);
    await program.says('Profiled inventory.warehouses');
    program.kill('SIGTERM');
    expect(await program.ended).toBe(143);
    expect(server.bodies('PUT', STATUS)).toMatchObject([{ pipelineState: 'running' }]);
  });

  it('ends with 1 and tells nobody when its token is refused or its environment is incomplete', async () => {
    await using server = await serverWith('secret:demo-db-password');
    const refused = startPipeline(server, { config: JSON.stringify({ source: {} }) });
    expect(await refused.ended).toBe(1);
    expect(refused.output()).toContain('is missing');
    expect(server.calls).toEqual([]);
  });
});

describe('the quickstart as a test of a connection', () => {
  const automation = (password: string) => ({
    id: '6f1d3c1e-0000-4000-8000-0000000000aa',
    name: 'test-shop',
    workflowType: 'TEST_CONNECTION',
    status: 'Pending',
    request: { connectionType: 'Postgres', serviceType: 'Database', connection: connectionWith(password) },
  });
  const start = (server: StubServer): Program =>
    startQuickstart({
      config: JSON.stringify({
        ...automation('out of date: the request is read from the server'),
        openMetadataServerConnection: { hostPort: server.hostPort, securityConfig: { jwtToken: TOKEN } },
      }),
      SECRETS_MANAGER: 'file',
      SECRETS_FILE_DIR: join(folder, 'secrets'),
    });

  it('writes each step and a good end', async () => {
    await using server = await serverWith('unused', {
      'automations/workflows/name/test-shop': automation('secret:demo-db-password'),
    });
    expect(await start(server).ended).toBe(0);
    const patches = server.bodies('PATCH', /^automations\/workflows\//);
    expect(patches).toHaveLength(4);
    expect(patches[0]).toMatchObject([
      {
        op: 'add',
        path: '/response',
        value: { status: 'Running', steps: [{ name: 'CheckAccess', status: 'Passed' }] },
      },
      { op: 'add', path: '/status', value: 'Running' },
    ]);
    expect(patches.at(-1)).toMatchObject([
      { path: '/response', value: { status: 'Successful', steps: [{}, {}, {}, { name: 'GetViews', passed: true }] } },
      { path: '/status', value: 'Successful' },
    ]);
  });

  it('that fails ends with 0, because the answer was written', async () => {
    await using server = await serverWith('unused', {
      'automations/workflows/name/test-shop': automation('secret:wrong-password'),
      'services/testConnectionDefinitions/name/Postgres.testConnectionDefinition': {
        steps: [
          { name: 'CheckAccess', mandatory: true },
          { name: 'GetQueries', mandatory: false },
        ],
      },
    });
    expect(await start(server).ended).toBe(0);
    expect(server.bodies('PATCH', /^automations/).at(-1)).toMatchObject([
      {
        value: {
          status: 'Failed',
          steps: [
            {
              name: 'CheckAccess',
              status: 'Failed',
              errorLog: expect.stringContaining('password authentication failed') as unknown,
            },
            { name: 'GetQueries', status: 'Skipped', passed: false },
          ],
        },
      },
      { value: 'Failed' },
    ]);
  });

  it('ends with 1 when there is nothing to write an answer to', async () => {
    await using server = await serverWith('unused');
    expect(await start(server).ended).toBe(1);
  });
});

interface CatalogueDocument {
  readonly schemas: readonly {
    readonly name: string;
    readonly tables: readonly {
      readonly name: string;
      readonly comment?: string;
      readonly foreignKeys: readonly unknown[];
      readonly profile: { readonly columns: readonly { readonly name: string }[] };
    }[];
  }[];
}
