import { RunnerError } from '@runner/core';
import { LIMITS, runStartSchema } from '@runner/protocol';
import type { RunStart } from '@runner/protocol/server';
import { checkConfigSize } from './workflow-config.ts';

/** Room for the frame around the start. */
const FRAME_ALLOWANCE_BYTES = 16_384;

/** Refuses at the trigger what could not be sent or run later, while somebody is there to read why. */
export function checkStart(start: RunStart): void {
  checkConfigSize(start.config);
  const bytes = Buffer.byteLength(JSON.stringify(start));
  if (bytes > LIMITS.frameBytes - FRAME_ALLOWANCE_BYTES) {
    throw new RunnerError(
      'config_too_large',
      `the run has ${bytes} bytes, more than one message to a runner can hold`,
      {
        hint: 'shorten the connection of the service',
      },
    );
  }
  const parsed = runStartSchema.safeParse(start);
  if (parsed.success) return;
  const places = parsed.error.issues.slice(0, 5).map(({ path }) => path.join('.'));
  throw new RunnerError('invalid_pipeline', `the run cannot be sent to a runner: ${places.join(', ')}`, {
    details: { places },
  });
}
