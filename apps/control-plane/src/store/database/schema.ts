import { sql } from 'drizzle-orm';
import { bigint, boolean, customType, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { storedJson } from './json.ts';

/**
 * The tables as queries see them. What creates them is migrations.ts; a test compares the two. Instants are epoch
 * milliseconds. Columns marked "generated" are computed by PostgreSQL from the JSON, so they cannot contradict it.
 */

const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' });
const instant = (name: string) => bigint(name, { mode: 'number' });

export const settings = pgTable('settings', {
  key: text('key').primaryKey(),
  value: storedJson('value').notNull(),
});

export const entities = pgTable('entities', {
  id: text('id').primaryKey(),
  kind: text('kind').notNull(),
  name: text('name').notNull(),
  fqn: text('fqn').notNull(),
  revision: integer('revision').notNull(),
  updatedAt: instant('updated_at').notNull(),
  updatedBy: text('updated_by').notNull(),
  json: storedJson('json').notNull(),
});

export const runs = pgTable('runs', {
  runId: text('run_id').primaryKey(),
  /** Order of creation. */
  seq: bigint('seq', { mode: 'number' }).generatedAlwaysAsIdentity(),
  record: storedJson('record').notNull(),
  kind: text('kind').notNull(),
  entityId: text('entity_id').notNull(),
  entityFqn: text('entity_fqn').notNull(),
  /** Null for a workload that was adopted without a row of ours. */
  start: storedJson('start'),
  trigger: text('trigger').notNull(),
  slot: bigint('slot', { mode: 'number' }),
  retryOf: text('retry_of'),
  attempt: integer('attempt').notNull(),
  createdBy: text('created_by').notNull(),
  runTokenId: text('run_token_id').notNull(),
  exitTokenId: text('exit_token_id').notNull(),
  settled: boolean('settled').notNull().default(false),
  /** Generated from the record, as are the next four. */
  agentId: text('agent_id').generatedAlwaysAs(sql`record ->> 'agentId'`),
  state: text('state').generatedAlwaysAs(sql`record ->> 'state'`),
  open: boolean('open').generatedAlwaysAs(
    sql`record ->> 'state' in ('queued', 'accepted', 'pending', 'running', 'cancelling')`,
  ),
  accepted: boolean('accepted').generatedAlwaysAs(sql`(record ->> 'accepted')::boolean`),
  endedAt: instant('ended_at').generatedAlwaysAs(sql`(record ->> 'endedAt')::bigint`),
});

export const runProgress = pgTable('run_progress', {
  runId: text('run_id').primaryKey(),
  update: storedJson('update').notNull(),
  sequence: bigint('sequence', { mode: 'number' }).notNull(),
  updatedAt: instant('updated_at').notNull(),
});

export const runStatuses = pgTable(
  'run_statuses',
  {
    pipelineFqn: text('pipeline_fqn').notNull(),
    runId: text('run_id').notNull(),
    status: storedJson('status').notNull(),
    writtenBy: text('written_by').notNull(),
    updatedAt: instant('updated_at').notNull(),
    /** `status.timestamp`, or when it was written. */
    timestamp: instant('timestamp').notNull(),
  },
  (table) => [primaryKey({ columns: [table.pipelineFqn, table.runId] })],
);

export const runLogs = pgTable(
  'run_logs',
  {
    runId: text('run_id').notNull(),
    source: text('source').notNull(),
    rawTo: bigint('raw_to', { mode: 'number' }).notNull(),
    /** Chunks so far; the last one grows. */
    chunks: integer('chunks').notNull(),
    /** Bytes of text in the last chunk, and in how many parts they are stored. */
    tailBytes: integer('tail_bytes').notNull(),
    tailParts: integer('tail_parts').notNull(),
    /** Chunks [head, cutTo) were deleted. */
    cutTo: integer('cut_to').notNull(),
    /** The text so far ends within a private key; what follows is left out until its end. */
    insideKey: boolean('inside_key').notNull(),
    /** Bytes of text that are stored. */
    storedBytes: bigint('stored_bytes', { mode: 'number' }).notNull(),
    closed: boolean('closed').notNull(),
    updatedAt: instant('updated_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.runId, table.source] })],
);

export const logParts = pgTable(
  'log_parts',
  {
    runId: text('run_id').notNull(),
    source: text('source').notNull(),
    chunk: integer('chunk').notNull(),
    part: integer('part').notNull(),
    /** Bytes of text, before compression. */
    bytes: integer('bytes').notNull(),
    gzip: boolean('gzip').notNull(),
    data: bytes('data').notNull(),
  },
  (table) => [primaryKey({ columns: [table.runId, table.source, table.chunk, table.part] })],
);

export const tokens = pgTable('tokens', {
  id: text('id').primaryKey(),
  role: text('role').notNull(),
  subject: text('subject').notNull(),
  agentId: text('agent_id'),
  runId: text('run_id'),
  createdAt: instant('created_at').notNull(),
  expiresAt: instant('expires_at'),
  revokedAt: instant('revoked_at'),
});

export const runners = pgTable('runners', {
  id: text('id').primaryKey(),
  name: text('name').notNull(),
  displayName: text('display_name'),
  description: text('description'),
  kind: text('kind').notNull(),
  revoked: boolean('revoked').notNull(),
  createdAt: instant('created_at').notNull(),
  info: storedJson('info'),
  lastSeenAt: instant('last_seen_at'),
});

/** Who is active for an agentId. Outlives the runner's entry, so that an epoch never comes again. */
export const agents = pgTable('agents', {
  agentId: text('agent_id').primaryKey(),
  epoch: bigint('epoch', { mode: 'number' }).notNull(),
  /** Scope of the last active instance; null after `release-scope`. */
  scopeId: text('scope_id'),
  instanceId: text('instance_id'),
  sessionId: text('session_id'),
  replicaId: text('replica_id'),
  leaseUntil: instant('lease_until'),
});

export const slots = pgTable(
  'schedule_slots',
  {
    pipelineId: text('pipeline_id').notNull(),
    slot: bigint('slot', { mode: 'number' }).notNull(),
    fired: text('fired'),
    skipped: text('skipped'),
  },
  (table) => [primaryKey({ columns: [table.pipelineId, table.slot] })],
);
