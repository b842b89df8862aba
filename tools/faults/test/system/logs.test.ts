import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHUNK_BYTES, completeLog, logEvents, restOf } from '../../src/logs.ts';
import type { World } from '../support/world.ts';
import { openWorld } from '../support/world.ts';

const MIB = 1_048_576;
const END = 'this is the end\n';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** A run of a runner of its own, being executed. */
async function running(name: string) {
  const runner = await world.runner(name);
  await runner.activeAgent();
  const pipeline = await runner.pipeline();
  const runId = await pipeline.trigger();
  await world.workloads.running(runId);
  return { fqn: pipeline.fqn, runId };
}

const lines = (bytes: number): string => `${'0123456789abcde '.repeat(7)}0123456789abcde\n`.repeat(bytes / 128);

describe('a log', () => {
  it('of bytes that are no UTF-8 shows marks in their place, and the rest of it', async () => {
    const { fqn, runId } = await running('no-utf8');
    const bytes = Buffer.concat([
      Buffer.from('before '),
      Buffer.from([0xff, 0xfe, 0xc3, 0x28, 0x80]),
      Buffer.from(' ä\n'),
    ]);
    await world.workloads.print(runId, bytes);
    await world.workloads.print(runId, Buffer.from(END));
    await world.workloads.exit(runId, 0);
    const text = (await completeLog(world.api, fqn, runId, END)).join('');
    expect(text).toBe(`before \uFFFD\uFFFD\uFFFD(\uFFFD ä\n${END}`);
    expect(await world.ended(runId)).toMatchObject({ state: 'succeeded' });
  });

  it('with a line of 10 MB is stored whole', async () => {
    const { fqn, runId } = await running('long-line');
    await world.workloads.print(runId, Buffer.alloc(1_000_000, 'x'), 10);
    await world.workloads.print(runId, Buffer.from(`\n${END}`));
    await world.workloads.exit(runId, 0);
    const chunks = await completeLog(world.api, fqn, runId, END);
    const text = chunks.join('');
    expect(text === `${'x'.repeat(10_000_000)}\n${END}`).toBe(true);
    for (const chunk of chunks) expect(Buffer.byteLength(chunk)).toBeLessThanOrEqual(CHUNK_BYTES);
  });

  it('of 100 MB is stored up to its limit: beginning, a mark, the newest; and can be read page by page', async () => {
    const { fqn, runId } = await running('huge');
    await world.workloads.print(runId, Buffer.from('this is the beginning\n'));
    await world.workloads.print(runId, Buffer.from(lines(MIB)), 96);
    await world.workloads.print(runId, Buffer.from(END));
    await world.workloads.exit(runId, 0);
    expect(await world.ended(runId)).toMatchObject({ state: 'succeeded' });
    const chunks = await completeLog(world.api, fqn, runId, END);
    const text = chunks.join('');
    expect(text.startsWith('this is the beginning\n')).toBe(true);
    expect(text).toContain('[this part of the log was removed to keep the log within its limit]');
    expect(text.length).toBeGreaterThan(30 * MIB);
    expect(text.length).toBeLessThan(34 * MIB);
    for (const chunk of chunks) expect(Buffer.byteLength(chunk)).toBeLessThanOrEqual(CHUNK_BYTES);
  });

  it('is streamed to a fast reader while a slow one does not read, and the slow one misses nothing', async () => {
    const { fqn, runId } = await running('readers');
    await world.workloads.print(runId, Buffer.from('first\n'));
    const [slow, fast] = [logEvents(world.api, fqn, runId), logEvents(world.api, fqn, runId)];
    const seen = (await slow.next()).value as { readonly logs: string };
    const reading = restOf(fast);
    await world.workloads.print(runId, Buffer.from(lines(MIB)), 16);
    await world.workloads.print(runId, Buffer.from(END));
    await world.workloads.exit(runId, 0);
    const whole = `first\n${lines(MIB).repeat(16)}${END}`;
    expect((await reading) === whole).toBe(true);
    expect(seen.logs + (await restOf(slow)) === whole).toBe(true);
  });
});
