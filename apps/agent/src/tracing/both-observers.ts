import type { DispatchObserver } from '@runner/dispatch';
import type { RunSpans } from './run-spans.ts';

/** What is told to the first is told to the spans too. Without spans: the first as it is. */
export function bothObservers(first: DispatchObserver, spans: RunSpans['observer'] | undefined): DispatchObserver {
  if (spans === undefined) return first;
  return {
    ...first,
    accepted: (run) => {
      first.accepted?.(run);
      spans.accepted(run);
    },
    started: (run) => {
      first.started?.(run);
      spans.started(run);
    },
    finished: (run) => {
      first.finished?.(run);
      spans.finished(run);
    },
    refused: (code, runId) => {
      first.refused?.(code, runId);
      spans.refused(code, runId);
    },
    cancelled: (runId) => {
      first.cancelled?.(runId);
      spans.cancelled(runId);
    },
  };
}
