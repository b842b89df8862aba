import type { LogContext, Logger } from '@runner/core';
import type { RunSpec } from '@runner/executor';

/**
 * What lines of the log say about a run beside its id: whose it is and which trace it belongs to. Known from its start
 * until its outcome is recorded, to the process that was given the start.
 */
export interface RunFacts {
  note(spec: Pick<RunSpec, 'runId' | 'fqn' | 'traceparent'>): void;
  forget(runId: string): void;
  get(runId: string): LogContext | undefined;
}

/** As many as an agent can hold at once; what is older than so many others has lost its session, and its end. */
const MOST = 10_000;
const TRACE_ID = /^[\da-f]{2}-([\da-f]{32})-/;

export function createRunFacts(most = MOST): RunFacts {
  const known = new Map<string, LogContext>();
  return {
    note: ({ runId, fqn, traceparent }) => {
      const traceId = traceparent === undefined ? undefined : TRACE_ID.exec(traceparent)?.[1];
      known.delete(runId);
      known.set(runId, { pipeline: fqn, ...(traceId === undefined ? {} : { traceId }) });
      const [oldest] = known.size > most ? known.keys() : [];
      if (oldest !== undefined) known.delete(oldest);
    },
    forget: (runId) => void known.delete(runId),
    get: (runId) => known.get(runId),
  };
}

/** The same logger; a line with the id of a known run says the other facts too. */
export function withRunFacts(logger: Logger, facts: RunFacts): Logger {
  const more = (context: LogContext | undefined): LogContext | undefined => {
    const runId = context?.['runId'];
    return typeof runId === 'string' ? { ...facts.get(runId), ...context } : context;
  };
  return {
    debug: (message, context) => logger.debug(message, more(context)),
    info: (message, context) => logger.info(message, more(context)),
    warn: (message, context) => logger.warn(message, more(context)),
    error: (message, context) => logger.error(message, more(context)),
    child: (context) => withRunFacts(logger.child(more(context) ?? context), facts),
  };
}
