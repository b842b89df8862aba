import { errorCode, writeOnce } from '../write-once.ts';
import { pause } from './timers.ts';

const TRY_AGAIN_MS = 1_000;

/**
 * Writes a file that must not be missed, and tries until it stands: a full disk is emptied some day, and until then this
 * process remembers. Gives up when the folder was removed, and when it is no longer wanted.
 */
export async function persist(
  name: string,
  record: object,
  lifetime: 'ever' | 'boot',
  isWanted: () => boolean = () => true,
): Promise<void> {
  while (isWanted()) {
    try {
      await writeOnce('.', name, record, lifetime);
      return;
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return;
      await pause(TRY_AGAIN_MS);
    }
  }
}
