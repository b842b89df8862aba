import type { Clock } from '@runner/core';
import { RunnerError } from '@runner/core';
import type { AgentBook, InstanceClaim } from '@runner/protocol/server';
import { holdsScope } from '@runner/protocol/server';
import { randomUUID } from 'node:crypto';
import type { RunnerRow, RunnerStore } from '../../../src/store/ports.ts';
import { plain } from './entities.ts';
import type { RunRows } from './runs.ts';

interface Lease {
  readonly epoch: number;
  readonly holder?: InstanceClaim;
  readonly until: number;
}

export function memoryAgents(clock: Clock, runs: RunRows): { agentBook: AgentBook; runners: RunnerStore } {
  const leases = new Map<string, Lease>();
  const rows = new Map<string, Omit<RunnerRow, 'active'>>();
  const shown = (row: Omit<RunnerRow, 'active'>): RunnerRow => ({
    ...row,
    active: (leases.get(row.name)?.until ?? 0) > clock.now(),
  });
  const byName = (name: string): RunnerRow | undefined => {
    const row = [...rows.values()].find((other) => other.name === name);
    return row && shown(row);
  };
  const add = (row: Pick<RunnerRow, 'id' | 'name' | 'kind'>): RunnerRow => {
    if (byName(row.name) !== undefined || rows.has(row.id)) {
      throw new RunnerError('already_exists', 'there is a runner with this name already');
    }
    rows.set(row.id, { ...plain(row), revoked: false, createdAt: clock.now() });
    return shown({ ...plain(row), revoked: false, createdAt: clock.now() });
  };
  const see = (name: string, at: number, info?: RunnerRow['info']): void => {
    const row = byName(name);
    if (row === undefined) return;
    rows.set(row.id, {
      ...(rows.get(row.id) ?? row),
      lastSeenAt: Math.max(at, row.lastSeenAt ?? 0),
      ...(info === undefined ? {} : { info: plain(info) }),
    });
  };
  const holds = (claim: InstanceClaim): boolean => {
    const lease = leases.get(claim.agentId);
    return lease?.holder?.sessionId === claim.sessionId && lease.until > clock.now();
  };

  const agentBook: AgentBook = {
    claim: (claim, leaseMs) => {
      const lease = leases.get(claim.agentId) ?? { epoch: 0, until: 0 };
      const rival = lease.holder?.instanceId !== claim.instanceId && lease.until > clock.now();
      if (rival) {
        const same = lease.holder?.scopeId === claim.scopeId;
        return Promise.resolve({ role: same ? 'standby' : 'blocked', epoch: lease.epoch, reason: 'another is active' });
      }
      const foreign = [...runs.values()].some(
        ({ row: { record } }) =>
          record.agentId === claim.agentId &&
          holdsScope(record, record.scopeId ?? claim.scopeId) &&
          (record.scopeId ?? claim.scopeId) !== claim.scopeId,
      );
      if (foreign) return Promise.resolve({ role: 'blocked', epoch: lease.epoch, reason: 'runs are open elsewhere' });
      const epoch = lease.holder?.sessionId === claim.sessionId ? lease.epoch : lease.epoch + 1;
      leases.set(claim.agentId, { epoch, holder: claim, until: clock.now() + leaseMs });
      return Promise.resolve({ role: 'active', epoch });
    },
    renew: (claim, leaseMs) => {
      const held = holds(claim);
      const epoch = leases.get(claim.agentId)?.epoch ?? 0;
      if (held) leases.set(claim.agentId, { epoch, holder: claim, until: clock.now() + leaseMs });
      return Promise.resolve(held);
    },
    release: (claim) => {
      const lease = leases.get(claim.agentId);
      if (lease?.holder?.sessionId === claim.sessionId) leases.set(claim.agentId, { epoch: lease.epoch, until: 0 });
      return Promise.resolve();
    },
  };

  const runners: RunnerStore = {
    create: (row) => Promise.resolve(add(row)),
    ensure: (agentId) => Promise.resolve(byName(agentId) ?? add({ id: randomUUID(), name: agentId, kind: 'hybrid' })),
    byName: (name) => Promise.resolve(byName(name)),
    byId: (id) => {
      const row = rows.get(id);
      return Promise.resolve(row && shown(row));
    },
    list: () => Promise.resolve([...rows.values()].map(shown).sort((a, b) => (a.name < b.name ? -1 : 1))),
    revokedNames: () => Promise.resolve([...rows.values()].filter((row) => row.revoked).map((row) => row.name)),
    seen: (name, at, info) => {
      see(name, at, info);
      return Promise.resolve();
    },
    seenAll: (names, at) => {
      for (const name of names) see(name, at);
      return Promise.resolve();
    },
    update: (id, change) => {
      const row = rows.get(id);
      if (row === undefined) throw new RunnerError('not_found', 'there is no such runner');
      rows.set(id, { ...row, ...plain(change) });
      return Promise.resolve(shown(rows.get(id) ?? row));
    },
    releaseScope: (name) => {
      const lease = leases.get(name);
      if (lease !== undefined) leases.set(name, { epoch: lease.epoch, until: 0 });
      for (const stored of runs.values()) {
        if (stored.row.record.agentId !== name) continue;
        const record = { ...stored.row.record };
        Reflect.deleteProperty(record, 'scopeId');
        stored.row = { ...stored.row, record };
      }
      return Promise.resolve();
    },
    remove: (id) => Promise.resolve(rows.delete(id)),
  };
  return { agentBook, runners };
}
