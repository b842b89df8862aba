import type { Logger } from '@runner/core';
import type { AgentHandlers, AgentLink, SecretsChecked } from '@runner/protocol/client';
import type { CheckSecrets } from '../secret-check.ts';
import { wireProblemOf, wireSecretCheckOf } from '../translate.ts';
import type { TaskSet } from './tasks.ts';

export interface SecretChecksRooms {
  /** Undefined: this agent cannot, and says so. */
  readonly check: CheckSecrets | undefined;
  readonly link: () => AgentLink | undefined;
  readonly tasks: TaskSet;
  readonly logger: Logger;
  /** Aborted when the agent leaves. */
  readonly signal: AbortSignal;
}

const CANNOT = { code: 'secret_check_not_supported', message: 'This agent has no way to check references.' };
const BUSY = { code: 'secret_check_busy', message: 'Another check of references is under way; ask again later.' };
const FAILED = { code: 'secret_check_failed', message: "The check failed; the agent's log says why." };

/** What the control plane asks about references. One check at a time: each may be a pod. */
export function secretChecks(rooms: SecretChecksRooms): NonNullable<AgentHandlers['checkSecrets']> {
  const { check, link, tasks, logger, signal } = rooms;
  let isBusy = false;
  const answered = async (references: readonly string[]): Promise<SecretsChecked> => {
    if (check === undefined) return { results: [], problem: CANNOT };
    if (isBusy) return { results: [], problem: BUSY };
    isBusy = true;
    try {
      const answer = await check(references, signal);
      if ('problem' in answer) return { results: [], problem: wireProblemOf(answer.problem) };
      return { results: answer.results.map(wireSecretCheckOf) };
    } catch (error) {
      if (!signal.aborted) logger.error('references could not be checked', { error });
      return { results: [], problem: FAILED };
    } finally {
      isBusy = false;
    }
  };
  return ({ checkId, references }) =>
    tasks.own(
      'checking references',
      answered(references).then((answer) => link()?.secretsChecked(checkId, answer)),
    );
}
