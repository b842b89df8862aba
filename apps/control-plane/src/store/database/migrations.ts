/**
 * Every change of the schema, oldest first. Strings rather than files, so that they are in the bundle. A migration that
 * was released is never edited: a wrong one is put right by the next.
 */
export interface Migration {
  readonly id: number;
  readonly name: string;
  readonly sql: string;
}

export const migrations: readonly Migration[] = [
  {
    id: 1,
    name: 'first tables',
    sql: `
create table settings (
  key text primary key,
  value jsonb not null
);

create table entities (
  id text primary key,
  kind text not null,
  name text not null,
  fqn text collate "C" not null,
  revision integer not null,
  updated_at bigint not null,
  updated_by text not null,
  json jsonb not null,
  constraint entities_kind_fqn unique (kind, fqn)
);

create table runs (
  run_id text primary key,
  seq bigint generated always as identity,
  record jsonb not null,
  kind text not null,
  entity_id text not null,
  entity_fqn text not null,
  start jsonb,
  trigger text not null,
  slot bigint,
  retry_of text,
  attempt integer not null,
  created_by text not null,
  run_token_id text not null,
  exit_token_id text not null,
  settled boolean not null default false,
  agent_id text not null generated always as (record ->> 'agentId') stored,
  state text not null generated always as (record ->> 'state') stored,
  open boolean not null generated always as
    (record ->> 'state' in ('queued', 'accepted', 'pending', 'running', 'cancelling')) stored,
  accepted boolean not null generated always as ((record ->> 'accepted')::boolean) stored,
  ended_at bigint generated always as ((record ->> 'endedAt')::bigint) stored
);
create index runs_open_of_agent on runs (agent_id) where open;
create index runs_open on runs (run_id) where open;
create index runs_of_entity on runs (entity_id, seq desc);
create index runs_unsettled on runs (run_id) where not open and not settled;
create index runs_ended_of_agent on runs (agent_id, ended_at) where not open;

create table run_progress (
  run_id text primary key references runs on delete cascade,
  update jsonb not null,
  sequence bigint not null,
  updated_at bigint not null
);

create table run_statuses (
  pipeline_fqn text not null,
  run_id text not null,
  status jsonb not null,
  written_by text not null,
  updated_at bigint not null,
  timestamp bigint not null,
  primary key (pipeline_fqn, run_id)
);
create index run_statuses_newest on run_statuses (pipeline_fqn, timestamp desc);

create table run_logs (
  run_id text not null references runs on delete cascade,
  source text not null,
  raw_to bigint not null,
  chunks integer not null,
  tail_bytes integer not null,
  tail_parts integer not null,
  cut_to integer not null,
  inside_key boolean not null,
  stored_bytes bigint not null,
  closed boolean not null,
  updated_at bigint not null,
  primary key (run_id, source)
);
create index run_logs_oldest on run_logs (updated_at);

create table log_parts (
  run_id text not null,
  source text not null,
  chunk integer not null,
  part integer not null,
  bytes integer not null,
  gzip boolean not null,
  data bytea not null,
  primary key (run_id, source, chunk, part),
  foreign key (run_id, source) references run_logs on delete cascade
);
alter table log_parts alter column data set storage external;

create table tokens (
  id text primary key,
  role text not null,
  subject text not null,
  agent_id text,
  run_id text,
  created_at bigint not null,
  expires_at bigint,
  revoked_at bigint
);

create table runners (
  id text primary key,
  name text not null constraint runners_name unique,
  display_name text,
  description text,
  kind text not null,
  revoked boolean not null,
  created_at bigint not null,
  info jsonb,
  last_seen_at bigint
);

create table agents (
  agent_id text primary key,
  epoch bigint not null,
  scope_id text,
  instance_id text,
  session_id text,
  replica_id text,
  lease_until bigint
);

create table schedule_slots (
  pipeline_id text not null,
  slot bigint not null,
  fired text,
  skipped text,
  primary key (pipeline_id, slot)
);
`,
  },
];
