import { isRunnerError, messageOf } from '@runner/core';
import type { Logger } from '@runner/core';
import { isEnded, shapeLog } from '@runner/executor';
import type { Executor } from '@runner/executor';
import type { AgentLogStream } from '@runner/protocol/client';

/** Sends the output of a run until it is over, the control plane has enough, or the session ends. */
export async function serveLog(executor: Executor, stream: AgentLogStream, logger: Logger): Promise<void> {
  const { runId, fromByte, signal } = stream;
  let rawTo = fromByte;
  try {
    // The log of a run that is over has an end, which following shows as well and whose last line is then complete.
    const follow = stream.follow || isEnded(await executor.observe(runId, signal));
    const frames = shapeLog((options) => executor.logs(runId, options), { fromByte, follow, signal });
    for await (const frame of frames) {
      if (signal.aborted) return;
      rawTo = frame.rawTo;
      if ('gap' in frame) stream.gap(frame.rawFrom, frame.rawTo);
      else await stream.chunk(frame);
    }
    if (!signal.aborted) stream.end(rawTo, 'complete');
  } catch (error) {
    if (signal.aborted) return;
    const isMissing = isRunnerError(error, 'log_unavailable');
    if (!isMissing) logger.warn('a log cannot be read', { runId, error });
    stream.end(rawTo, isMissing ? 'not_found' : 'unavailable', messageOf(error));
  }
}
