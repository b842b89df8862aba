import { writeSync } from 'node:fs';
import { connect } from 'node:net';
import { hostname } from 'node:os';
import { createInterface } from 'node:readline';
import type { Announcement, Answer, NumberedOrder } from '../orders.ts';
import { hold } from './play.ts';

/** Exit code of a program whose control is gone: a test that is over leaves nothing running. */
const ABANDONED = 99;
const LONGEST_TEXT = 65_536;

/** Connects to the control of a test and does what it is told until it is told to end. */
export function obey(control: string, argv: readonly string[], ingest: () => Promise<void>): void {
  const [host = '', port = ''] = control.split(':');
  const socket = connect(Number(port), host);
  const say = (line: Announcement | Answer): void => void socket.write(`${JSON.stringify(line)}\n`);
  // Node as the first process of a pod ignores SIGTERM unless somebody listens; a program that heeds it listens.
  const heed = (): void => process.exit(143);
  process.on('SIGTERM', heed);

  const carryOut = async (order: NumberedOrder): Promise<unknown> => {
    switch (order.order) {
      case 'print':
        for (let time = 0; time < order.times; time += 1) print(Buffer.from(order.base64, 'base64'));
        return true;
      case 'resist':
        process.removeListener('SIGTERM', heed);
        process.on('SIGTERM', order.resist ? () => undefined : heed);
        return true;
      case 'environment':
        return process.env;
      case 'allocate':
        hold(order.mebibytes);
        return true;
      case 'fetch': {
        const response = await fetch(order.url, order.init);
        return { status: response.status, text: (await response.text()).slice(0, LONGEST_TEXT) };
      }
      case 'ingest':
        socket.unref();
        await ingest();
        return true;
      case 'exit':
        process.exit(order.code);
    }
  };
  say({ run: runOf(process.env), argv, hostname: hostname(), execution: `${Date.now()}-${process.pid}` });
  const lines = createInterface({ input: socket });
  // It tells the errors of its input once more.
  lines.on('error', () => undefined);
  lines.on('line', (line) => {
    const order = JSON.parse(line) as NumberedOrder;
    carryOut(order).then(
      (value) => say({ number: order.number, value }),
      (error: unknown) => say({ number: order.number, value: { error: String(error) } }),
    );
  });
  socket.on('error', (error) => process.stderr.write(`control: ${error.message}\n`));
  socket.on('close', () => process.exit(ABANDONED));
}

function print(bytes: Buffer): void {
  for (let done = 0; done < bytes.length;) done += writeSync(1, bytes, done);
}

function runOf(env: Readonly<Record<string, string | undefined>>): string {
  const runId = env['pipelineRunId'];
  if (runId !== undefined && runId !== '') return runId;
  const { name } = JSON.parse(env['config'] ?? '{}') as { name?: string };
  return name ?? hostname();
}
