import { existsSync, writeSync } from 'node:fs';
import { readFile, unlink } from 'node:fs/promises';
import { hostProcesses } from '../host-processes.ts';
import type { ProcessIdentity, ProcessTable } from '../process-table.ts';
import { identify } from '../process-table.ts';
import { parseLaunch } from '../record-checks.ts';
import type { ClaimRecord, LaunchRecord, SupervisorWord } from '../records.ts';
import { CLAIM_FILE, INTENT_FILE, OUTCOME_FILE, RECORD_VERSION, launchFile } from '../records.ts';
import { errorCode, writeOnce } from '../write-once.ts';
import { carryOut } from './carry-out.ts';
import type { Doorbell } from './doorbell.ts';
import { openDoorbell } from './doorbell.ts';
import { persist } from './persist.ts';
import { createStopper } from './stopper.ts';

/** How often it looks whether it was asked to end, for the case that nobody could ring. */
const LOOK_MS = 2_000;

/**
 * What a supervisor process does: claims the run of a folder, starts its program, stays with it, and writes how it
 * ended. Holds nothing of whoever started it: agents come and go.
 *
 * Says one word (`SupervisorWord`) on standard output, as soon as it is known whose the run is.
 */
export async function superviseRun(folder: string, nonce: string): Promise<void> {
  ignoreBrokenOutput();
  try {
    // Paths from here on are short: a unix socket's may have 107 bytes.
    process.chdir(folder);
    const launch = await takeLaunch(nonce);
    if (launch === undefined) say('gone');
    else await superviseLaunch(launch, nonce);
  } catch (error) {
    say(`failed ${errorCode(error) || 'UNKNOWN'}`);
    process.exitCode = 1;
  }
}

/** Reads the launch file and removes it: it holds the config. */
async function takeLaunch(nonce: string): Promise<LaunchRecord | undefined> {
  try {
    return parseLaunch(await readFile(launchFile(nonce), 'utf8'));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  } finally {
    await unlink(launchFile(nonce)).catch(() => undefined);
  }
}

async function superviseLaunch(launch: LaunchRecord, nonce: string): Promise<void> {
  const table = hostProcesses();
  const short = nonce.slice(0, 8);
  const socket = `s.${short}`;
  const stopper = createStopper(launch.run.graceMs, () => bell?.ring());
  let isClaimed = false;
  const look = (): void => {
    // Somebody removed the folder: nobody can see this run any more, so it must not go on.
    if (existsSync(INTENT_FILE) || (isClaimed && !existsSync(CLAIM_FILE))) stopper.request('intent');
  };
  // It rings before the claim stands, so that a claim whose bell is dead always means a dead supervisor.
  const bell = await openDoorbell(`./${socket}`, look).catch(() => undefined);
  try {
    isClaimed = await claim(launch, nonce, table, bell === undefined ? undefined : socket);
    if (!isClaimed) {
      say('taken');
      return;
    }
    say('claimed');
    const stopLooking = lookOut(look, () => stopper.request('host'));
    const outputPath = `./o.${short}`;
    const outcome = await carryOut({ launch, table, stopper, outputPath, onChange: () => bell?.ring() });
    stopLooking();
    await persist(OUTCOME_FILE, outcome, 'ever');
  } finally {
    await closeBell(bell, socket);
  }
}

async function claim(
  launch: LaunchRecord,
  nonce: string,
  table: ProcessTable,
  socket: string | undefined,
): Promise<boolean> {
  const supervisor: ProcessIdentity = identify(table, process.pid) ?? {
    pid: process.pid,
    startTime: '',
    bootId: table.bootId(),
  };
  const record: ClaimRecord = {
    version: RECORD_VERSION,
    nonce,
    claimedAt: Date.now(),
    supervisor,
    run: launch.run,
    ...(socket === undefined ? {} : { socket }),
  };
  return await writeOnce('.', CLAIM_FILE, record);
}

/** Looks for the intent from time to time, and ends the run in order when the host wants this process gone. */
function lookOut(look: () => void, onHost: () => void): () => void {
  const timer = setInterval(look, LOOK_MS);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, onHost);
  return () => clearInterval(timer);
}

async function closeBell(bell: Doorbell | undefined, socket: string): Promise<void> {
  bell?.ring();
  await bell?.close();
  await unlink(`./${socket}`).catch(() => undefined);
}

function say(word: SupervisorWord): void {
  try {
    writeSync(1, `${word}\n`);
  } catch {
    // Whoever started this process is gone already, and finds the claim when it comes back.
  }
}

/** The agent that started this process may end at any time; writing to its pipes must not end the run. */
function ignoreBrokenOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}
