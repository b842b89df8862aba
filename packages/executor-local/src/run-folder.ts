import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseClaim, parseIntent, parseOutcome, parseProcess } from './record-checks.ts';
import type { ClaimRecord, IntentRecord, OutcomeRecord, ProcessRecord } from './records.ts';
import { CLAIM_FILE, INTENT_FILE, OUTCOME_FILE, PROCESS_FILE } from './records.ts';
import { errorCode } from './write-once.ts';

/** Reads the files of one run's folder. Undefined: the file is not there. Throws when it cannot be read or understood. */
export const readClaim = (folder: string): Promise<ClaimRecord | undefined> => read(folder, CLAIM_FILE, parseClaim);
export const readProcess = (folder: string): Promise<ProcessRecord | undefined> =>
  read(folder, PROCESS_FILE, parseProcess);
export const readIntent = (folder: string): Promise<IntentRecord | undefined> => read(folder, INTENT_FILE, parseIntent);
export const readOutcome = (folder: string): Promise<OutcomeRecord | undefined> =>
  read(folder, OUTCOME_FILE, parseOutcome);

async function read<T>(folder: string, name: string, parse: (text: string) => T): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(join(folder, name), 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  return parse(text);
}
