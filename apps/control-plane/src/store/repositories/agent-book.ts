import { RunnerError } from '@runner/core';
import type { AgentBook, ClaimAnswer, InstanceClaim, RunRecord } from '@runner/protocol/server';
import type { SQL } from 'drizzle-orm';
import { and, eq, getTableColumns, sql } from 'drizzle-orm';
import type { Database, Db } from '../database/database.ts';
import { agents, runs } from '../database/schema.ts';
import type { LeaseTime } from './lease-time.ts';
import { recordOf } from './run-rows.ts';

type AgentRow = typeof agents.$inferSelect;
type Obstacle = Omit<Extract<ClaimAnswer, { role: 'standby' | 'blocked' }>, 'epoch'>;

/** Who is active for an agentId: one row for each, and claims are decided while it is locked. */
export function createAgentBook(database: Database, time: LeaseTime): AgentBook {
  const renewMany = (claims: readonly InstanceClaim[], leaseMs: number) => renewAll(database, claims, leaseMs, time());
  return {
    claim: (claim, leaseMs) => database.transaction((tx) => decide(tx, claim, leaseMs, time)),
    renew: async (claim, leaseMs) => (await renewMany([claim], leaseMs)).has(claim.sessionId),
    renewMany,
    release: async (claim) => {
      const mine = and(eq(agents.agentId, claim.agentId), eq(agents.sessionId, claim.sessionId));
      const nobody = { instanceId: null, sessionId: null, replicaId: null, leaseUntil: null };
      await database.use((db) => db.update(agents).set(nobody).where(mine));
    },
  };
}

async function decide(tx: Db, claim: InstanceClaim, leaseMs: number, time: LeaseTime): Promise<ClaimAnswer> {
  const { agentId, instanceId, sessionId, replicaId, scopeId } = claim;
  const mine = eq(agents.agentId, agentId);
  // Makes the row or locks it; the time is read behind the lock, for waiting takes time.
  const [row] = await tx
    .insert(agents)
    .values({ agentId, epoch: 0 })
    .onConflictDoUpdate({ target: agents.agentId, set: { agentId } })
    .returning({ ...getTableColumns(agents), now: time() });
  if (row === undefined) throw new RunnerError('store_failed', 'the row of an agent vanished');
  const obstacle = rivalOf(row, claim, row.now) ?? (await foreignRuns(tx, row, claim));
  if (obstacle !== undefined) return { ...obstacle, epoch: row.epoch };
  const epoch = row.sessionId === sessionId ? row.epoch : row.epoch + 1;
  const leaseUntil = Math.ceil(row.now + leaseMs);
  await tx.update(agents).set({ epoch, scopeId, instanceId, sessionId, replicaId, leaseUntil }).where(mine);
  return { role: 'active', epoch };
}

/** Another instance holds the activity. */
function rivalOf(row: AgentRow, claim: InstanceClaim, now: number): Obstacle | undefined {
  const left = row.sessionId === null ? 0 : (row.leaseUntil ?? 0) - now;
  if (left <= 0 || row.instanceId === claim.instanceId) return undefined;
  return row.scopeId === null || row.scopeId === claim.scopeId
    ? { role: 'standby', reason: 'Another instance of this agentId is active.', retryInMs: left }
    : { role: 'blocked', reason: 'An instance of this agentId in another scope is active.', retryInMs: left };
}

/**
 * An open run may have its workload in another scope. A run that was offered and never accepted counts for the scope of
 * the instance that was active last: its workload may stand there unheard of.
 */
async function foreignRuns(tx: Db, row: AgentRow, claim: InstanceClaim): Promise<Obstacle | undefined> {
  // Looked at when this scope was first let in.
  if (row.scopeId === claim.scopeId) return undefined;
  const rows = await tx
    .select({ record: runs.record })
    .from(runs)
    .where(and(eq(runs.agentId, claim.agentId), eq(runs.open, true), sql`${runs.record} ->> 'offered' = 'true'`));
  const scopeOf = (record: RunRecord): string => record.scopeId ?? row.scopeId ?? claim.scopeId;
  if (rows.every((one) => scopeOf(recordOf(one)) === claim.scopeId)) return undefined;
  return { role: 'blocked', reason: 'Runs that were started in another scope are still open.' };
}

async function renewAll(
  database: Database,
  claims: readonly InstanceClaim[],
  leaseMs: number,
  now: SQL<number>,
): Promise<ReadonlySet<string>> {
  const agentIds = sql.param(claims.map((claim) => claim.agentId));
  const sessionIds = sql.param(claims.map((claim) => claim.sessionId));
  const { rows } = await database.transaction((tx) =>
    tx.execute<{ session_id: string }>(sql`
      update agents set lease_until = ${now} + ${Math.ceil(leaseMs)}::bigint
      from unnest(${agentIds}::text[], ${sessionIds}::text[]) as asked (agent_id, session_id)
      where agents.agent_id = asked.agent_id and agents.session_id = asked.session_id
      returning agents.session_id`),
  );
  return new Set(rows.map((row) => row.session_id));
}

/** Lets an instance of any scope be active, although runs may be open in the one that is forgotten. */
export async function forgetScope(tx: Db, agentId: string): Promise<void> {
  await tx.update(agents).set({ scopeId: null }).where(eq(agents.agentId, agentId));
  await tx
    .update(runs)
    .set({ record: sql`${runs.record} - 'scopeId'` })
    .where(and(eq(runs.agentId, agentId), eq(runs.open, true)));
}

/** Whether somebody holds the activity of this row now. */
export function isHeld(time: LeaseTime): SQL<boolean> {
  return sql<boolean>`coalesce(${agents.sessionId} is not null and ${agents.leaseUntil} > ${time()}, false)`;
}
