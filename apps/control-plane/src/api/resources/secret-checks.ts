import { RunnerError, isAbort } from '@runner/core';
import type { SecretsAnswer } from '@runner/protocol/server';
import { LIMITS } from '@runner/protocol';
import { findSecretReferences } from '@runner/secrets';
import { z } from 'zod';
import { runnerInactive } from '../../openmetadata/runner-choice.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { RUNNERS_BASE, runnerByEither } from '../runner-document.ts';
import { failures } from '../schemas.ts';

/** A little longer than an agent takes at most. */
const TIMEOUT_MS = 200_000;
/** Kubernetes keeps 4,096 bytes of what a pod leaves behind, and each answer repeats its reference. */
const MOST_BYTES = 2_500;

const checkSchema = z.object({
  references: z
    .array(z.string().startsWith('secret:').max(LIMITS.referenceLength))
    .min(1)
    .max(LIMITS.checkReferences)
    .optional()
    .describe('such as secret:my-db-password'),
  connection: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('a connection as a service holds it; all references in it are checked'),
});

const resultSchema = z.object({
  reference: z.string(),
  pointers: z.array(z.string()).optional().describe('where it stands in the connection'),
  ok: z.boolean().describe('it can be read, and a workload would get a value'),
  code: z.string().optional().describe('why not, such as secret_forbidden'),
  message: z.string().optional(),
  hint: z.string().optional(),
  warnings: z.array(z.object({ code: z.string(), message: z.string() })).describe('what is odd about the value'),
});

/** Whether a service would get its secrets, before it is saved. */
export function registerSecretChecks(app: Api, { store, gateway, clock }: ApiDeps): void {
  app.route({
    method: 'POST',
    url: `${RUNNERS_BASE}/:idOrName/check-secrets`,
    config: { operation: 'secrets.check' },
    schema: {
      tags: ['ingestionRunners'],
      summary: 'Have secret references read where the workloads of this runner run; the answer holds no values',
      params: z.object({ idOrName: z.string().min(1).max(256) }),
      body: checkSchema,
      response: {
        200: z.object({ runner: z.string(), ok: z.boolean(), results: z.array(resultSchema) }),
        ...failures,
      },
    },
    handler: async (request, reply) => {
      const { places, references } = asked(request.body);
      const runner = await runnerByEither(store, request.params.idOrName);
      if (!runner.active || runner.revoked) throw runnerInactive(runner);
      const leaving = new AbortController();
      const timer = clock.setTimer(TIMEOUT_MS, () => leaving.abort());
      reply.raw.once('close', () => leaving.abort());
      try {
        const { results } = answered(await gateway.checkSecrets(runner.name, references, leaving.signal));
        return {
          runner: runner.name,
          ok: results.every(({ ok }) => ok),
          results: results.map(({ reference, ok, code, message, hint, warnings }) => ({
            ...{ reference, ok, warnings: [...warnings] },
            ...(places.has(reference) ? { pointers: places.get(reference) } : {}),
            ...(code === undefined ? {} : { code }),
            ...(message === undefined ? {} : { message }),
            ...(hint === undefined ? {} : { hint }),
          })),
        };
      } catch (error) {
        if (isAbort(error) && leaving.signal.aborted) throw timedOut();
        throw error;
      } finally {
        timer.cancel();
      }
    },
  });
}

type Answered = Extract<SecretsAnswer, { kind: 'answered' }>;

function answered(answer: SecretsAnswer): Answered {
  if (answer.kind === 'answered' && answer.problem === undefined) return answer;
  if (answer.kind === 'answered') {
    const { code, message, hint } = answer.problem ?? { code: '', message: '' };
    const known = code === 'secret_check_busy' || code === 'secret_check_not_supported' ? code : 'secret_check_failed';
    throw new RunnerError(known, message, { ...(hint === undefined ? {} : { hint }) });
  }
  if (answer.kind === 'not_supported') {
    throw new RunnerError('secret_check_not_supported', 'the agent of this runner cannot check references', {
      hint: 'with Kubernetes it needs SECRETS_PREFLIGHT_IMAGE; older agents cannot at all',
    });
  }
  throw new RunnerError('secret_check_failed', 'the agent left before it answered', { hint: 'ask again' });
}

function timedOut(): RunnerError {
  return new RunnerError('secret_check_failed', 'the agent did not answer in time', {
    hint: "its log says what it is waiting for; a pod's image may not be there",
  });
}

/** The references to ask about, once each, and where they stand. */
function asked({ references = [], connection }: z.infer<typeof checkSchema>): {
  readonly references: readonly string[];
  readonly places: ReadonlyMap<string, string[]>;
} {
  const places = new Map<string, string[]>();
  for (const { pointer, reference } of connection === undefined ? [] : findSecretReferences(connection)) {
    places.set(reference, [...(places.get(reference) ?? []), pointer]);
  }
  const all = [...new Set([...references, ...places.keys()])];
  const bytes = Buffer.byteLength(JSON.stringify(all));
  const tooLong = all.some((reference) => reference.length > LIMITS.referenceLength);
  if (all.length === 0)
    throw invalid('there is no reference to check', 'name references, or a connection that holds some');
  if (all.length > LIMITS.checkReferences || bytes > MOST_BYTES || tooLong) {
    throw invalid(`more than ${LIMITS.checkReferences} references, or too long ones`, 'ask about fewer at once');
  }
  return { references: all, places };
}

function invalid(message: string, hint: string): RunnerError {
  return new RunnerError('invalid_request', message, { hint });
}
