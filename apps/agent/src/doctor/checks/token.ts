import { isRunnerError } from '@runner/core';
import { jsonOf } from '../../config/format.ts';
import { dateOf, tokenProblem } from '../../config/token.ts';
import { defineCheck, isReason } from '../check.ts';
import type { Result } from '../check.ts';
import type { UpgradeOutcome } from '../context.ts';
import { wordsOf } from '../errors.ts';

/** Claims that are told; the others are nobody's business here. */
export interface Claims {
  readonly subject: string | undefined;
  readonly agentId: string | undefined;
  /** Epoch milliseconds. */
  readonly expiresAt: number | undefined;
  /** Epoch milliseconds. */
  readonly notBefore: number | undefined;
  readonly audience: string | undefined;
  /** `run` or `exitStep`: a token of a workload. */
  readonly role: string | undefined;
}

/** What a JWT says of itself; it is not verified, that is the server's business. */
export function claimsOf(token: string): Claims {
  const payload = jsonOf(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
  const claims = (typeof payload === 'object' && payload !== null ? payload : {}) as Readonly<Record<string, unknown>>;
  const text = (name: string): string | undefined => {
    const value = claims[name];
    return typeof value === 'string' ? value.slice(0, 200) : undefined;
  };
  const audience = claims['aud'];
  return {
    subject: text('sub'),
    agentId: text('agentId'),
    role: text('role'),
    expiresAt: timeOf(claims['exp']),
    notBefore: timeOf(claims['nbf']),
    audience: Array.isArray(audience) ? audience.join(', ').slice(0, 200) : text('aud'),
  };
}

const timeOf = (seconds: unknown): number | undefined => (typeof seconds === 'number' ? seconds * 1_000 : undefined);

const SOON_MS = 7 * 86_400_000;
const REASONS = {
  token_ok: { level: 'ok', when: 'The control plane accepted the token.' },
  token_not_tried: { level: 'skipped', when: 'The control plane could not be asked (the checks above say why).' },
  token_expires_soon: {
    level: 'warn',
    when: 'The token expires within a week.',
    fix: 'Make a new token for the bot and put it in place of this one.',
  },
  token_other_runner: {
    level: 'fail',
    when: 'The token was made for a runner of another name.',
    fix: 'Use the token that was made for this runner, or set AGENT_ID to the name it was made for.',
  },
  token_of_a_run: {
    level: 'fail',
    when: 'The token is that of a workload, not that of a bot.',
    fix: "Put the bot's token into AUTH_TOKEN.",
  },
  token_expired: {
    level: 'fail',
    when: 'The token has expired.',
    fix: 'Make a new token for the bot and put it in place of this one.',
  },
  token_not_a_jwt: {
    level: 'fail',
    when: 'What the token file holds now is no JWT.',
    fix: "Copy the bot's JWT as a whole, without quotes or the word Bearer.",
  },
  token_empty: { level: 'fail', when: 'The token file is empty now.', fix: 'Write the token into it.' },
  token_other_audience: {
    level: 'fail',
    when: 'The token is for other audiences than TOKEN_AUDIENCE.',
    fix: 'Use a token for that audience, or correct TOKEN_AUDIENCE.',
  },
  token_refused: {
    level: 'fail',
    when: 'The control plane does not accept the token: another server made it, it has expired, or it was revoked.',
    fix: 'Copy the token of the bot again, from the server that SERVER_URL names.',
  },
  token_forbidden: {
    level: 'fail',
    when: 'The control plane knows the token and does not let it connect a runner.',
    fix: 'Use the token of a bot, or the one that was made for this runner.',
  },
} as const;

/** What the token says of itself, and what the control plane says of it. */
export const token = defineCheck({
  id: 'token',
  group: 'network',
  looksAt: 'the token: its claims, and whether the control plane accepts it',
  deadlineMs: 25_000,
  reasons: REASONS,
  run: async (context, say): Promise<readonly Result[]> => {
    const { config, clock } = context;
    const text = config.token.value.reveal();
    const found = tokenProblem(text, { now: clock.now(), audience: config.tokenAudience });
    if (found !== undefined) return [say(found.code, `${found.message}.`, found.fix)];
    const claims = claimsOf(text);
    if (claims.role === 'run' || claims.role === 'exitStep') {
      return [say('token_of_a_run', 'The token was made for the workload of one run.')];
    }
    if (claims.agentId !== undefined && claims.agentId !== config.agentId) {
      return [
        say(
          'token_other_runner',
          `The token was made for the runner ${claims.agentId}, and this is ${config.agentId}.`,
        ),
      ];
    }
    const outcome = await context.upgrade();
    const refused = refusalOf(outcome);
    if (refused !== undefined) {
      const told = `${refused.message}; it is ${describe(claims)}${early(claims, clock.now())}.`;
      return [say(isReason(REASONS, refused.reason) ? refused.reason : 'token_refused', told, refused.fix)];
    }
    const until = claims.expiresAt ?? Infinity;
    if (until - clock.now() < SOON_MS) return [say('token_expires_soon', `The token is ${describe(claims)}.`)];
    if (!outcome.opened)
      return [say('token_not_tried', `The control plane was not asked; the token is ${describe(claims)}.`)];
    return [say('token_ok', `The control plane accepts the token, ${describe(claims)}.`)];
  },
});

interface Refusal {
  readonly reason: string;
  readonly message: string;
  readonly fix: string | undefined;
}

function refusalOf(outcome: UpgradeOutcome): Refusal | undefined {
  if (outcome.opened || !isRunnerError(outcome.error)) return undefined;
  const { code } = outcome.error;
  const words = wordsOf(outcome.error);
  if (code === 'connect_unauthorized') return { reason: 'token_refused', ...words };
  if (code === 'connect_forbidden') return { reason: 'token_forbidden', ...words };
  return code.startsWith('token_') ? { reason: code, ...words } : undefined;
}

/** Of a token that is refused: by this clock it is not valid yet. */
function early({ notBefore = 0 }: Claims, now: number): string {
  return notBefore <= now ? '' : `, and not valid before ${dateOf(notBefore)} (see the check clock)`;
}

function describe({ subject, agentId, expiresAt, audience }: Claims): string {
  return [
    subject === undefined ? 'of nobody that is named' : `of ${subject}`,
    ...(agentId === undefined ? ['bound to no runner'] : [`bound to the runner ${agentId}`]),
    expiresAt === undefined ? 'without an expiry' : `valid until ${dateOf(expiresAt)}`,
    ...(audience === undefined ? [] : [`for ${audience}`]),
  ].join(', ');
}
