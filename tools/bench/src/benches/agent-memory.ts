import type { Bench } from '../bench.ts';
export const agentMemory: Bench = { name: 'agent-memory', title: '', run: () => Promise.resolve([]) };
