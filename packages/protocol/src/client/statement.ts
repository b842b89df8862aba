import { fitDiagnosis, fitObservation, fitSecretCheck, fitText } from '../fit.ts';
import type { AgentMessage, WireSlots } from '../messages.ts';

type WithoutEpoch<M> = M extends { epoch: number } ? Omit<M, 'epoch'> : M;
type Spoken = Exclude<AgentMessage, { type: 'hello' | 'ping' | 'pong' | 'slots' | `report.${string}` }>;

/** What an agent may say in a session; the session adds the epoch and `startsSeen`. */
export type AgentStatement =
  WithoutEpoch<Spoken> | { readonly type: 'slots'; readonly slots: Omit<WireSlots, 'startsSeen'> };

/** Only the active instance speaks about runs and sends logs; anybody may tell its slots and that it leaves. */
export function needsActive(statement: AgentStatement): boolean {
  return statement.type !== 'slots' && statement.type !== 'draining';
}

/** The frame of a statement, with the epoch it is made under and texts within their limits. */
export function fitStatement(statement: Exclude<AgentStatement, { type: 'slots' }>, epoch: number): AgentMessage {
  switch (statement.type) {
    case 'accepted':
    case 'observed':
      return { ...statement, epoch, observation: fitObservation(statement.observation) };
    case 'refused':
    case 'waiting':
      return {
        ...statement,
        epoch,
        message: fitText(statement.message),
        ...(statement.hint === undefined ? {} : { hint: fitText(statement.hint) }),
      };
    case 'ending':
      return {
        ...statement,
        epoch,
        ...(statement.diagnosis === undefined ? {} : { diagnosis: fitDiagnosis(statement.diagnosis) }),
      };
    case 'cancelled':
      return { ...statement, epoch };
    case 'log.end':
      return { ...statement, ...(statement.message === undefined ? {} : { message: fitText(statement.message) }) };
    case 'secrets.checked':
      return { ...statement, results: statement.results.map(fitSecretCheck) };
    case 'log.chunk':
    case 'log.gap':
    case 'draining':
      return statement;
  }
}
