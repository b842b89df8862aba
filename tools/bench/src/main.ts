import { cpus, loadavg, totalmem } from 'node:os';
import { systemClock } from '@runner/core';
import { HELP, parseArguments } from './arguments.ts';
import type { Bench } from './bench.ts';
import { agentMemory } from './benches/agent-memory.ts';
import { argo } from './benches/argo.ts';
import { codec } from './benches/codec.ts';
import { idleAgents } from './benches/idle-agents.ts';
import { jobs } from './benches/jobs.ts';
import { jobsMemory } from './benches/jobs-memory.ts';
import { logs } from './benches/logs.ts';
import { secrets } from './benches/secrets.ts';
import { trigger } from './benches/trigger.ts';
import type { Section } from './figure.ts';
import { report, sectionText, summary } from './table.ts';

const BENCHES: readonly Bench[] = [codec, logs, idleAgents, agentMemory, trigger, jobs, jobsMemory, argo, secrets];

const stopping = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stopping.abort());

try {
  await main();
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const { quick, json, help, only } = parseArguments(
    process.argv.slice(2),
    BENCHES.map(({ name }) => name),
  );
  if (help) {
    console.log(HELP);
    return;
  }
  const wanted = only.length === 0 ? BENCHES : BENCHES.filter(({ name }) => only.includes(name));
  const machine = machineFacts();
  const sections: Section[] = [];
  for (const bench of wanted) {
    const section = await measure(bench, quick);
    sections.push(section);
    if (!json) console.log(`\n${sectionText(section)}\n`);
  }
  if (json) console.log(JSON.stringify(report(sections, machine), undefined, 2));
  else console.log(`${Object.values(machine).join(', ')}\n${summary(sections)}`);
}

async function measure({ name, title, run }: Bench, quick: boolean): Promise<Section> {
  const clock = systemClock({ keepAlive: true });
  const began = clock.monotonic();
  const notes: string[] = [];
  const figures = await run({
    quick,
    clock,
    signal: stopping.signal,
    say: (text) => console.error(`${name}: ${text}`),
    note: (text) => void notes.push(text),
  });
  return { bench: name, title, figures, notes, seconds: (clock.monotonic() - began) / 1_000 };
}

/** Absolute figures are worth little without it. */
function machineFacts() {
  const cores = cpus();
  return {
    platform: `${process.platform} ${process.arch}`,
    cores: `${cores.length} cores${cores[0] === undefined ? '' : ` of ${cores[0].model.trim()}`}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    node: `Node.js ${process.versions.node}`,
    load: `load ${(loadavg()[0] ?? 0).toFixed(1)} before`,
  };
}
