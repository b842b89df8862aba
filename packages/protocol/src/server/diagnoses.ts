import type { WireDiagnosis } from '../messages.ts';
import { optional } from './record-fields.ts';

/** What a row says when it is not the workload that explains itself. */

export const LOST: WireDiagnosis = {
  category: 'lost',
  code: 'lost',
  message: 'The workload is gone without a trace of how it ended.',
  hint: 'Somebody or something other than the runner removed it, or its time to live is too short.',
  permanent: true,
};

export const ABANDONED: WireDiagnosis = {
  category: 'lost',
  code: 'abandoned',
  message: 'The runner did not say how the run ended, and it is not waited for any longer.',
  hint: 'Check whether the runner is Active. What it reports within a week still corrects this run.',
  permanent: true,
};

export const RUNNER_UNAVAILABLE: WireDiagnosis = {
  category: 'unknown',
  code: 'runner_unavailable',
  message: 'The runner did not take the run in time.',
  hint: 'Check whether the runner is Active and has free slots.',
  permanent: true,
};

export const START_UNAVAILABLE: WireDiagnosis = {
  category: 'configuration',
  code: 'start_unavailable',
  message: 'The run cannot be started any more: what it was made from is gone.',
  permanent: true,
};

/** A start that cannot be put into a frame. */
export function unsendable(error: { readonly code: string; readonly message: string }): WireDiagnosis {
  return {
    category: 'configuration',
    code: error.code,
    message: `The run cannot be handed to its runner: ${error.message}.`,
    permanent: true,
  };
}

const ENDINGS = {
  start_deadline: { category: 'deadline', message: 'The workload did not start in time and was ended.' },
  permanent_failure: { category: 'unknown', message: 'The workload could not make progress and was ended.' },
} as const;

export type EndingReason = keyof typeof ENDINGS;

export function isEndingReason(reason: string | undefined): reason is EndingReason {
  return reason !== undefined && Object.hasOwn(ENDINGS, reason);
}

/** Why an agent ended a run by itself, where it does not say more. */
export function endingDiagnosis(reason: EndingReason): WireDiagnosis {
  return { ...ENDINGS[reason], code: reason, permanent: true };
}

/** A refusal (permanent) or a reason to wait, as the agent put it. */
export function agentProblem(
  said: { readonly code: string; readonly message: string; readonly hint?: string },
  permanent: boolean,
): WireDiagnosis {
  const { code, message, hint } = said;
  return { category: permanent ? 'configuration' : 'unknown', code, message, ...optional('hint', hint), permanent };
}
