import type { Logger, Random } from '@runner/core';
import { abortError, toRunnerError } from '@runner/core';
import type { Bridge, SecretsAnswer, WireSecretCheck } from '@runner/protocol/server';
import type { SignalEvent, Signals } from '../store/ports.ts';
import type { Tasks } from './tasks.ts';

export interface SecretChecksOptions {
  readonly bridge: Pick<Bridge, 'checkSecrets' | 'connected'>;
  readonly signals: Signals;
  readonly tasks: Tasks;
  readonly random: Random;
  readonly logger: Logger;
}

export interface SecretChecks {
  /**
   * Has references read where this runner's workloads run, through whichever replica its agent is connected to. Rejects
   * when the signal is aborted; where no replica has the agent, that is the only end.
   */
  check(agentId: string, references: readonly string[], signal: AbortSignal): Promise<SecretsAnswer>;
  /** Answers other replicas until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
}

/** A NOTIFY holds 8,000 bytes, so results travel one by one, and sentences are cut: in characters, and in bytes of JSON. */
const LONGEST_TEXT = 400;
const MOST_BYTES = { message: 1_500, hint: 1_000, warning: 400 };
const MOST_WARNINGS = 4;

type Asked = Extract<SignalEvent, { kind: 'secretsAsked' }>;
type Answered = Extract<SignalEvent, { kind: 'secretsAnswered' }>;

export function createSecretChecks({ bridge, signals, tasks, random, logger }: SecretChecksOptions): SecretChecks {
  const elsewhere = (agentId: string, references: readonly string[], signal: AbortSignal): Promise<SecretsAnswer> => {
    const checkId = random.uuid();
    const results: WireSecretCheck[] = [];
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void): void => {
        end();
        signal.removeEventListener('abort', onAbort);
        finish();
      };
      const onAbort = (): void => settle(() => reject(abortError(signal)));
      const end = signals.subscribe(
        (event) => {
          if (event.kind !== 'secretsAnswered' || event.checkId !== checkId) return;
          const { answer } = event;
          if (answer.kind !== 'result') {
            settle(() => resolve(answerOf(answer)));
            return;
          }
          results[answer.index] = answer.result;
          if (references.every((_, index) => results[index] !== undefined)) {
            settle(() => resolve({ kind: 'answered', results }));
          }
        },
        () => logger.debug('answers of another replica may have been missed', { checkId }),
      );
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) {
        onAbort();
        return;
      }
      signals
        .publish({ kind: 'secretsAsked', checkId, agentId, references: [...references] })
        .catch((error: unknown) => settle(() => reject(toRunnerError(error))));
    });
  };

  const serve = async ({ checkId, agentId, references }: Asked, signal: AbortSignal): Promise<void> => {
    const isHere = bridge.connected(agentId).some(({ role }) => role === 'active');
    const answer = complete(await bridge.checkSecrets(agentId, references, signal), references);
    // Only one replica has the agent, so nobody else would say that it left.
    const told = answer.kind === 'not_here' && isHere ? LEFT : answer;
    for (const part of partsOf(told)) await signals.publish({ kind: 'secretsAnswered', checkId, answer: part });
  };

  return {
    check: async (agentId, references, signal) => {
      const here = await bridge.checkSecrets(agentId, references, signal);
      return here.kind === 'not_here' ? await elsewhere(agentId, references, signal) : complete(here, references);
    },
    run: (signal) =>
      new Promise((resolve) => {
        const end = signals.subscribe(
          (event) => {
            if (event.kind !== 'secretsAsked') return;
            tasks.run('references could not be checked for another replica', () => serve(event, signal));
          },
          () => undefined,
        );
        const over = (): void => {
          end();
          resolve();
        };
        if (signal.aborted) over();
        else signal.addEventListener('abort', over, { once: true });
      }),
  };
}

const failed = (message: string): SecretsAnswer => ({
  ...{ kind: 'answered', results: [], problem: { code: 'secret_check_failed', message } },
});
const LEFT = failed('The agent left before it answered; ask again.');
const INCOMPLETE = failed('The agent did not answer for each reference.');

/** An answer that leaves a reference out is none: nobody would miss it. */
function complete(answer: SecretsAnswer, references: readonly string[]): SecretsAnswer {
  if (answer.kind !== 'answered' || answer.problem !== undefined) return answer;
  const { results } = answer;
  const isWhole =
    results.length === references.length && references.every((each, index) => results[index]?.reference === each);
  return isWhole ? answer : INCOMPLETE;
}

/** What is said of an answer: nothing by a replica that does not have the agent. */
function partsOf(answer: SecretsAnswer): readonly Answered['answer'][] {
  if (answer.kind === 'not_here') return [];
  if (answer.kind === 'not_supported') return [{ kind: 'not_supported' }];
  if (answer.problem !== undefined) return [{ kind: 'problem', problem: short(answer.problem) }];
  return answer.results.map((result, index) => ({
    kind: 'result',
    index,
    result: {
      ...short(result),
      warnings: result.warnings
        .slice(0, MOST_WARNINGS)
        .map(({ code, message }) => ({ code, message: cut(message, MOST_BYTES.warning) })),
    },
  }));
}

function answerOf(answer: Exclude<Answered['answer'], { kind: 'result' }>): SecretsAnswer {
  if (answer.kind === 'not_supported') return { kind: 'not_supported' };
  return { kind: 'answered', results: [], problem: answer.problem };
}

function short<T extends { readonly message?: string | undefined; readonly hint?: string | undefined }>(said: T): T {
  return {
    ...said,
    ...(said.message === undefined ? {} : { message: cut(said.message, MOST_BYTES.message) }),
    ...(said.hint === undefined ? {} : { hint: cut(said.hint, MOST_BYTES.hint) }),
  };
}

function cut(text: string, mostBytes: number): string {
  let short = text.slice(0, LONGEST_TEXT);
  while (Buffer.byteLength(JSON.stringify(short)) > mostBytes) short = short.slice(0, Math.floor(short.length * 0.8));
  return short;
}
