import { randomUUID } from 'node:crypto';
import { testClock } from '@runner/core/testing';
import { createMemoryAgentBook, createMemoryBus, createMemoryRunBook } from '@runner/protocol/server';
import { agentBookContract, busContract, runBookContract, sampleStart } from '@runner/protocol/testing';

const nothing = { [Symbol.asyncDispose]: () => Promise.resolve() };

runBookContract('the run book in memory', () => {
  const clock = testClock();
  const book = createMemoryRunBook({ clock });
  return Promise.resolve({
    ...nothing,
    book,
    now: () => clock.now(),
    put: async (row, start) => {
      book.submit(start, row.agentId);
      await book.update(row.runId, () => row);
    },
  });
});

agentBookContract('the agent book in memory', () => {
  const clock = testClock();
  const runs = createMemoryRunBook({ clock });
  const book = createMemoryAgentBook({ clock, runs });
  return Promise.resolve({
    ...nothing,
    book,
    another: book,
    elapse: (ms) => clock.advance(ms),
    openRun: async (agentId, scopeId) => {
      const runId = randomUUID();
      runs.submit(sampleStart({ runId }), agentId);
      const accepted = scopeId === undefined ? {} : { accepted: true, scopeId };
      await runs.update(runId, (row) => row && { ...row, offered: true, ...accepted });
      return async () => {
        await runs.update(runId, (row) => row && { ...row, state: 'failed', endedAt: clock.now() });
      };
    },
    releaseScope: (agentId) => {
      book.releaseScope(agentId);
      return Promise.resolve();
    },
  });
});

busContract('the bus in memory', () => {
  const bus = createMemoryBus();
  return Promise.resolve({
    ...nothing,
    bus,
    another: bus,
    interrupt: () => {
      bus.gap();
      return Promise.resolve();
    },
  });
});
