import type { RunBook, RunStart } from '@runner/protocol/server';
import type { Auth } from '../auth/index.ts';
import { exitTokenClaim, withRunToken } from '../openmetadata/run-token-place.ts';
import type { RunTokenClaim } from '../openmetadata/run-token-place.ts';

/** The runs as the bridge sends them: a start gets the tokens of its run, which no store holds, on its way out. */
export function withTokens(book: RunBook, auth: Pick<Auth, 'runToken'>): RunBook {
  return {
    ...book,
    start: async (runId) => {
      const start = await book.start(runId);
      if (start === undefined) return undefined;
      const { exitToken: place, ...rest } = start;
      const mint =
        (role: 'run' | 'exitStep') =>
        (claim: RunTokenClaim): Promise<string> =>
          auth.runToken({ role, runId, ...claim });
      const config = (await withRunToken(start.config, mint('run'))) as RunStart['config'];
      const claim = exitTokenClaim(place);
      return claim === undefined ? { ...rest, config } : { ...rest, config, exitToken: await mint('exitStep')(claim) };
    },
  };
}
