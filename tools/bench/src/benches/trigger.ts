import type { Bench } from '../bench.ts';
export const trigger: Bench = { name: 'trigger', title: '', run: () => Promise.resolve([]) };
