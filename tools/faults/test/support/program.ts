/**
 * What runs do in these tests: leaves a mark for each execution, then follows the orders that the test puts into the
 * folder, `<runId>.1.json`, `<runId>.2.json` and so on.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Order } from './workloads.ts';

const LOOK_EVERY_MS = 20;
const folder = process.argv[2] ?? '';
const mine = join(folder, process.env['pipelineRunId'] ?? 'none');

async function print({ base64, times }: NonNullable<Order['print']>): Promise<void> {
  const bytes = Buffer.from(base64, 'base64');
  for (let time = 0; time < times; time += 1) {
    if (!process.stdout.write(bytes)) await once(process.stdout, 'drain');
  }
}

async function follow(number: number): Promise<void> {
  // A test that is over must not leave its programs behind.
  if (!existsSync(folder)) process.exit(99);
  const file = `${mine}.${number}.json`;
  if (!existsSync(file)) {
    setTimeout(() => void follow(number), LOOK_EVERY_MS);
    return;
  }
  const order = JSON.parse(readFileSync(file, 'utf8')) as Order;
  if (order.print !== undefined) await print(order.print);
  writeFileSync(`${mine}.${number}.done`, '');
  if (order.exit === undefined) await follow(number + 1);
  else process.exitCode = order.exit;
}

appendFileSync(`${mine}.executions`, `${process.pid}\n`);
await follow(1);
