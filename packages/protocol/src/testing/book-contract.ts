/** Suites that every store of a control plane passes, beside the one in memory. They need vitest. */
export { agentBookContract } from './contract/agent-book.ts';
export type { AgentBookSubject } from './contract/agent-book.ts';
export { busContract } from './contract/bus.ts';
export type { BusSubject } from './contract/bus.ts';
export { runBookContract } from './contract/run-book.ts';
export type { RunBookSubject } from './contract/run-book.ts';
