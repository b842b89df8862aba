import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Logger } from '@runner/core';
import { isRunnerError, messageOf, toRunnerError } from '@runner/core';
import type { RunnerError } from '@runner/core';

/** One thing that is wrong with a request. Never holds what was sent. */
export const errorDetailSchema = z.object({
  pointer: z.string().describe('JSON pointer into the request body, or the name of the parameter'),
  code: z.string(),
  message: z.string(),
  hint: z.string().optional(),
});

/** What every failure is answered with; `code` and `errorType` are OpenMetadata's. */
export const errorSchema = z
  .object({
    code: z.number().int().describe('the HTTP status'),
    errorType: z.string().describe('stable and machine-readable, such as run_in_progress'),
    message: z.string(),
    hint: z.string().optional().describe('what to do about it'),
    errors: z.array(errorDetailSchema).optional(),
    runId: z.string().optional().describe('of run_in_progress: the run that is open'),
  })
  .meta({ id: 'Error' });
export type ErrorBody = z.infer<typeof errorSchema>;

/** HTTP statuses of our codes. What is not listed is 503 when it may pass by itself, else 500. */
export const STATUS_OF: ReadonlyMap<string, number> = new Map([
  ['invalid_request', 400],
  ['invalid_cursor', 400],
  ['patch_invalid', 400],
  ['value_not_storable', 400],
  ['token_missing', 401],
  ['token_invalid', 401],
  ['token_expired', 401],
  ['token_revoked', 401],
  ['forbidden', 403],
  ['not_found', 404],
  ['already_exists', 409],
  ['conflict', 409],
  ['not_empty', 409],
  ['run_in_progress', 409],
  ['body_too_large', 413],
  ['unsupported_media_type', 415],
  ['config_too_large', 422],
  ['invalid_pipeline', 422],
  ['invalid_schedule', 422],
  ['masked_value', 422],
  ['no_usable_runner', 422],
  ['pipeline_type_unsupported', 422],
  ['plaintext_secret', 422],
  ['runner_inactive', 422],
  ['runner_not_found', 422],
  ['secret_reference_invalid', 422],
  ['rate_limited', 429],
  ['secret_check_busy', 409],
  ['secret_check_failed', 502],
  ['secret_check_not_supported', 422],
  ['store_unavailable', 503],
  ['issuer_unavailable', 503],
]);

const statusOf = (error: RunnerError): number => STATUS_OF.get(error.code) ?? (error.retryable ? 503 : 500);

/** Answers errors in one shape, and says of unexpected ones only that they happened. */
export function registerErrors(app: FastifyInstance, logger: Logger): void {
  app.setErrorHandler((error: FastifyError, request, reply) => answer(error, request, reply, logger));
  app.setNotFoundHandler((request, reply) => {
    void sendError(reply, { code: 404, errorType: 'not_found', message: `there is no ${request.method} at this path` });
  });
}

function answer(error: FastifyError, request: FastifyRequest, reply: FastifyReply, logger: Logger): FastifyReply {
  if (hasZodFastifySchemaValidationErrors(error)) return sendError(reply, validationBody(error));
  if (isRunnerError(error)) {
    const body = bodyOf(error);
    if (body.code >= 500) logFailure(error, request, logger);
    if (body.code === 503) void reply.header('retry-after', '5');
    if (body.code === 401) void reply.header('www-authenticate', 'Bearer');
    return sendError(reply, body);
  }
  const known = KNOWN_FASTIFY.get(error.code);
  if (known !== undefined) return sendError(reply, known);
  if (typeof error.statusCode === 'number' && error.statusCode >= 400 && error.statusCode < 500) {
    return sendError(reply, {
      code: error.statusCode,
      errorType: 'invalid_request',
      message: 'the request cannot be read',
    });
  }
  logFailure(error, request, logger);
  return sendError(reply, { code: 500, errorType: 'internal', message: 'the server failed; its log says why' });
}

function bodyOf(error: RunnerError): ErrorBody {
  const { errors, runId } = error.details;
  const code = statusOf(error);
  return {
    code,
    errorType: error.code,
    message: code === 500 ? 'the server failed; its log says why' : error.message,
    ...(error.hint === undefined || code === 500 ? {} : { hint: error.hint }),
    ...(Array.isArray(errors) ? { errors: errors as ErrorBody['errors'] & object } : {}),
    ...(typeof runId === 'string' ? { runId } : {}),
  };
}

const KNOWN_FASTIFY: ReadonlyMap<string, ErrorBody> = new Map([
  ['FST_ERR_CTP_BODY_TOO_LARGE', { code: 413, errorType: 'body_too_large', message: 'the request body is too long' }],
  [
    'FST_ERR_CTP_INVALID_MEDIA_TYPE',
    {
      code: 415,
      errorType: 'unsupported_media_type',
      message: 'the content type of the request is not known here',
      hint: 'send application/json; for PATCH application/json-patch+json',
    },
  ],
  ['FST_ERR_CTP_EMPTY_JSON_BODY', { code: 400, errorType: 'invalid_request', message: 'the request has no body' }],
  [
    'FST_ERR_CTP_INVALID_JSON_BODY',
    { code: 400, errorType: 'invalid_request', message: 'the request body is no JSON' },
  ],
]);

/** Zod's issues without the values: a wrong type in a password field must not print the password. */
function validationBody(error: {
  validation: readonly { instancePath: string; message?: string }[];
  validationContext?: string;
}): ErrorBody {
  const place = error.validationContext === 'body' ? '' : `${error.validationContext ?? 'request'}: `;
  return {
    code: 400,
    errorType: 'invalid_request',
    message: 'the request does not have the form that is documented for it',
    errors: error.validation.slice(0, 50).map(({ instancePath, message }) => ({
      pointer: `${place}${instancePath}`.slice(0, 512),
      code: 'invalid_request',
      message: message ?? 'is not valid',
    })),
  };
}

function logFailure(error: unknown, request: FastifyRequest, logger: Logger): void {
  const { code } = toRunnerError(error);
  const route = request.routeOptions.url ?? 'unknown';
  logger.error('a request failed', {
    requestId: request.id,
    method: request.method,
    route,
    code,
    reason: messageOf(error),
    error,
  });
}

/** Answers with an error in the one shape there is. */
export function sendError(reply: FastifyReply, body: ErrorBody): FastifyReply {
  return reply.code(body.code).type('application/json').serializer(JSON.stringify).send(body);
}
