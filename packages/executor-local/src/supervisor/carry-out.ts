import { closeSync, existsSync, openSync, writeSync } from 'node:fs';
import type { ProcessTable } from '../process-table.ts';
import type { LaunchRecord, OutcomeRecord, ProcessRecord } from '../records.ts';
import { INTENT_FILE, LOG_FILE, PROCESS_FILE, RECORD_VERSION } from '../records.ts';
import { errorCode } from '../write-once.ts';
import type { CappedLog, LogSink } from './capped-log.ts';
import { createCappedLog } from './capped-log.ts';
import { persist } from './persist.ts';
import type { Program } from './program.ts';
import { startProgram } from './program.ts';
import type { Stopper } from './stopper.ts';
import { after } from './timers.ts';

/** How long output may still come once no process of the program is left; somebody outside of its session holds it. */
const DRAIN_MS = 2_000;

export interface CarryOutOptions {
  readonly launch: LaunchRecord;
  readonly table: ProcessTable;
  readonly stopper: Stopper;
  /** A short path for the output stream. */
  readonly outputPath: string;
  /** Something can be seen from outside. */
  readonly onChange: () => void;
}

/** Runs the program of a claimed run to its end, in the run's folder, and says how it ended. */
export async function carryOut(options: CarryOutOptions): Promise<OutcomeRecord> {
  const { launch, table, stopper } = options;
  const sink = openSink();
  const log = createCappedLog(sink, launch.run.maxLogBytes);
  try {
    if (existsSync(INTENT_FILE)) return { ...ended(log), stopped: 'intent' };
    const started = await startProgram(launch, table, options.outputPath, (bytes) => log.take(bytes));
    if ('startError' in started) return { ...ended(log), startError: started.startError };
    try {
      return await accompany(started, log, options);
    } finally {
      // Whatever went wrong here, no program runs without a supervisor.
      await stopper.settle();
    }
  } finally {
    sink.close();
  }
}

async function accompany(program: Program, log: CappedLog, options: CarryOutOptions): Promise<OutcomeRecord> {
  const { launch, stopper, onChange } = options;
  const startedAt = Date.now();
  let isRunning = true;
  const record: ProcessRecord = { version: RECORD_VERSION, program: program.identity, startedAt };
  // A process means nothing after its boot; until this file stands, nobody else could find the program.
  const recorded = persist(PROCESS_FILE, record, 'boot', () => isRunning).then(onChange);
  stopper.attach(program);
  const callOff = after(launch.run.deadlineSeconds * 1_000, () => stopper.request('deadline'));
  const exit = await program.exited;
  const cause = stopper.cause;
  isRunning = false;
  callOff();
  await stopper.settle();
  const giveUp = after(DRAIN_MS, () => program.abandonOutput());
  await program.drained;
  giveUp();
  await recorded;
  return {
    ...ended(log),
    startedAt,
    // Not by the wall clock, which may have been set back.
    endedAt: startedAt + Math.round(performance.now() - program.startedMonotonic),
    ...exit,
    ...(cause === undefined ? {} : { stopped: cause }),
  };
}

function ended(log: CappedLog): OutcomeRecord {
  return { version: RECORD_VERSION, endedAt: Date.now(), log: log.finish() };
}

/** The log file; where it cannot be opened, every write fails and the run goes on without a log. */
function openSink(): LogSink & { close(): void } {
  let file: number | undefined;
  let failure: unknown;
  try {
    file = openSync(LOG_FILE, 'a', 0o600);
  } catch (error) {
    failure = error;
  }
  return {
    write: (bytes) => {
      if (file === undefined) throw new Error(`the log is not open: ${errorCode(failure)}`, { cause: failure });
      return writeSync(file, bytes);
    },
    close: () => {
      if (file !== undefined) closeSync(file);
    },
  };
}
