import type { RunBook, RunStart } from '@runner/protocol/server';
import type { Auth } from '../auth/index.ts';
import { withRunToken } from '../openmetadata/run-token-place.ts';

/** The runs as the bridge sends them: a start gets the token of its run, which no store holds, on its way out. */
export function withTokens(book: RunBook, auth: Pick<Auth, 'runToken'>): RunBook {
  return {
    ...book,
    start: async (runId) => {
      const start = await book.start(runId);
      if (start === undefined) return undefined;
      const mint: Parameters<typeof withRunToken>[1] = (claim) => auth.runToken({ role: 'run', runId, ...claim });
      return { ...start, config: (await withRunToken(start.config, mint)) as RunStart['config'] };
    },
  };
}
