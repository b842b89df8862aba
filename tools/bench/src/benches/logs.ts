import { LIMITS } from '@runner/protocol';
import type { Bench, BenchContext } from '../bench.ts';
import type { LogReader, Read } from '../children/log-reader.ts';
import type { LogWriter } from '../children/log-writer.ts';
import type { Figure } from '../figure.ts';
import { startChild } from '../measure/child.ts';

const AGENT_ID = 'log-bench';
const MEBIBYTE = 1_048_576;

/** A log from the agent's connection to whoever reads it, over two processes and a real socket. */
export const logs: Bench = {
  name: 'logs',
  title: 'Logs from agent to reader beside a bare pair of ws sockets',
  run: async (context) => {
    const bytes = (context.quick ? 16 : 96) * MEBIBYTE;
    const rounds = context.quick ? 4 : 10;
    const { ours, bare } = await measured(context, bytes, rounds);
    // The fastest round of each: the one that the rest of the machine disturbed least.
    const figure: Figure = {
      what: `chunks of ${LIMITS.logDataBytes / 1_024} KiB`,
      unit: 'MB/s',
      value: Math.max(...ours.map(speed)),
      bare: Math.max(...bare.map(speed)),
      promised: { of: 'ratio', least: 0.5 },
    };
    return [figure];
  },
};

async function measured({ signal, say }: BenchContext, bytes: number, rounds: number) {
  await using reader = startChild<LogReader>('children/log-reader.ts', signal);
  await using writer = startChild<LogWriter>('children/log-writer.ts', signal);
  const bridgeUrl = await reader.ask('bridge');
  const bareUrl = await reader.ask('bare');
  await writer.ask('agent', { url: bridgeUrl, agentId: AGENT_ID, bytes });
  const ours: Read[] = [];
  const bare: Read[] = [];
  // The first round of each is for the compiler.
  for (let round = 0; round <= rounds; round += 1) {
    say(`round ${round} of ${rounds}`);
    const read = await reader.ask('readFromAgent', AGENT_ID);
    const [bareRead] = await Promise.all([
      reader.ask('readFromBare', bytes),
      writer.ask('bare', { url: bareUrl, bytes }),
    ]);
    if (round === 0) continue;
    ours.push(read);
    bare.push(bareRead);
  }
  return { ours, bare };
}

/** Megabytes a second. */
const speed = ({ bytes, milliseconds }: Read): number => bytes / 1_000 / milliseconds;
