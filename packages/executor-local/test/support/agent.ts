/**
 * An agent that does nothing but submit one run: `agent.ts <folder> <control port> <runId> <command…>`. It says
 * `submitted` and stays, so that a test can kill it.
 */
import { systemClock } from '@runner/core';
import { testRunSpec } from '@runner/executor/testing';
import { createLocalExecutor } from '../../src/index.ts';

const [folder = '', port = '', runId = '', ...command] = process.argv.slice(2);
const executor = createLocalExecutor({
  folder,
  clock: systemClock({ keepAlive: true }),
  hostEnvironment: process.env,
  command,
  extraEnvironment: [{ name: 'CONTROL_PORT', value: port }],
  graceMs: 300,
});
await executor.submit(testRunSpec({ runId }), new AbortController().signal);
process.stdout.write('submitted\n');
setInterval(() => undefined, 60_000);
