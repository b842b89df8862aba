import { SignJWT, decodeProtectedHeader, errors, jwtVerify } from 'jose';
import type { CryptoKey, JWTPayload, JWTVerifyGetKey } from 'jose';
import type { Clock, Logger, Random } from '@runner/core';
import { RunnerError, isRunnerError, messageOf } from '@runner/core';
import type { JsonObject, Store, TokenRole, TokenRow } from '../store/ports.ts';
import { firstAdminToken } from './admin-token.ts';
import { ALGORITHM, loadKeys } from './keys.ts';
import type { SigningKeys } from './keys.ts';
import { OUTSIDE_ALGORITHMS, outsideKeys, outsidePrincipal } from './outside.ts';
import { agentIdentityOf, bearerToken } from './principal.ts';
import type { Principal, RunnerIdentity } from './principal.ts';
import { checkRunToken } from './run-token.ts';

export type { Principal, RunnerIdentity } from './principal.ts';

export interface AuthOptions {
  readonly store: Pick<Store, 'settings' | 'tokens' | 'runs'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Put into our tokens as `aud`; a token that names other audiences only is refused. Default: none. */
  readonly audience?: string;
  /** JWKS URLs of issuers whose tokens are accepted as well. */
  readonly outsideIssuers?: readonly string[];
  /** Named as `iss` in our tokens; not checked, so that a server may move. */
  readonly publicUrl: string;
}

export interface IssueRequest {
  readonly role: 'admin' | 'user' | 'bot' | 'runner';
  readonly subject: string;
  /** Required for `runner`. */
  readonly agentId?: string;
  /** Epoch milliseconds. Default: never. */
  readonly expiresAt?: number;
}

export interface RunTokenRequest {
  readonly role: 'run' | 'exitStep';
  readonly runId: string;
  readonly tokenId: string;
  /** Epoch milliseconds. Default: now. */
  readonly issuedAt?: number;
}

export interface Auth {
  /** Makes a token and its row. The token is returned once and never stored. */
  issue(request: IssueRequest): Promise<{ readonly token: string; readonly row: TokenRow }>;
  /**
   * Signs a token of a run; the run's row, not the token store, says whether it is good. The same claims make the same
   * token, as long as the keys are the same.
   */
  runToken(run: RunTokenRequest): Promise<string>;
  /**
   * Who a token speaks for. Rejects with `token_invalid`, `token_expired` (with the date), `token_revoked`, or
   * `issuer_unavailable` (retryable) when an outside issuer's keys cannot be read.
   */
  verify(token: string): Promise<Principal>;
  /** The same from an `Authorization` header; `token_missing` without one. */
  authenticate(header: string | undefined): Promise<Principal>;
  /** For the upgrade of a bridge socket; `forbidden` for roles that are no agent's. */
  agentIdentity(header: string | undefined): Promise<RunnerIdentity>;
  /** Public keys as a JWKS. */
  jwks(): { readonly keys: readonly JsonObject[] };
  /** Writes an admin token to this file (0600) when there is no usable one. */
  firstAdminToken(path: string): Promise<{ readonly path: string } | undefined>;
}

/** Tokens: RS256 with keys from the store, made at the first start. */
export async function createAuth(options: AuthOptions): Promise<Auth> {
  const { store, clock, random, logger } = options;
  const keys = await loadKeys(store.settings);
  const outside = (options.outsideIssuers ?? []).length === 0 ? undefined : outsideKeys(options.outsideIssuers ?? []);
  const sign = (row: TokenRow): Promise<string> => signToken(row, keys, options);

  const ownPrincipal = async (payload: JWTPayload): Promise<Principal> => {
    const principal = readOwnClaims(payload);
    if (principal.role === 'run' || principal.role === 'exitStep') {
      const row = await store.runs.get(principal.runId ?? '');
      checkRunToken(row, { id: principal.tokenId, role: principal.role }, clock.now());
    } else {
      checkRow(await store.tokens.get(principal.tokenId), principal, clock.now());
    }
    return principal;
  };

  const verify = async (token: string): Promise<Principal> => {
    const kid = keyId(token);
    const own = keys.publicKey(kid);
    if (own !== undefined) {
      const findOwn = (): Promise<CryptoKey> => Promise.resolve(own);
      return ownPrincipal(
        await verifyJwt(token, findOwn, { algorithms: [ALGORITHM], clock, audience: options.audience }),
      );
    }
    if (outside === undefined) throw new RunnerError('token_invalid', 'the token was not issued by this server');
    return outsidePrincipal(
      await verifyJwt(token, outside, { algorithms: OUTSIDE_ALGORITHMS, clock, audience: options.audience }),
    );
  };
  const authenticate = (header: string | undefined): Promise<Principal> => verify(bearerToken(header));

  return {
    issue: async (request) => {
      if (request.role === 'runner' && request.agentId === undefined) {
        throw new RunnerError('invalid_request', 'a runner token needs an agentId');
      }
      const row: TokenRow = { id: random.uuid(), createdAt: clock.now(), ...request };
      await store.tokens.add(row);
      return { token: await sign(row), row };
    },
    runToken: ({ role, runId, tokenId, issuedAt = clock.now() }) =>
      sign({ id: tokenId, role, subject: `run ${runId}`, runId, createdAt: issuedAt }),
    verify,
    authenticate: async (header) => authenticate(header),
    agentIdentity: async (header) => agentIdentityOf(await authenticate(header)),
    jwks: () => keys.jwks,
    firstAdminToken: (path) =>
      firstAdminToken(
        { settings: store.settings, tokens: store.tokens, clock, logger, newId: () => random.uuid(), sign },
        path,
      ),
  };
}

/** Claims as OpenMetadata names them, so that its tools can read a token; `role`, `agentId` and `runId` are ours. */
function signToken(row: TokenRow, keys: SigningKeys, options: AuthOptions): Promise<string> {
  const bot = row.role !== 'admin' && row.role !== 'user';
  const jwt = new SignJWT({
    role: row.role,
    isBot: bot,
    tokenType: bot ? 'BOT' : 'PERSONAL_ACCESS',
    ...(row.agentId === undefined ? {} : { agentId: row.agentId }),
    ...(row.runId === undefined ? {} : { runId: row.runId }),
  })
    .setProtectedHeader({ alg: ALGORITHM, kid: keys.signing.kid, typ: 'JWT' })
    .setIssuer(options.publicUrl)
    .setSubject(row.subject)
    .setJti(row.id)
    .setIssuedAt(Math.floor(row.createdAt / 1000));
  if (options.audience !== undefined) jwt.setAudience(options.audience);
  if (row.expiresAt !== undefined) jwt.setExpirationTime(Math.floor(row.expiresAt / 1000));
  return jwt.sign(keys.signing.key);
}

function keyId(token: string): string {
  try {
    return decodeProtectedHeader(token).kid ?? '';
  } catch {
    throw new RunnerError('token_invalid', 'the token is not a JWT', {
      hint: 'a token has three parts separated by dots and begins with eyJ',
    });
  }
}

interface VerifyOptions {
  readonly algorithms: string[];
  readonly clock: Clock;
  readonly audience: string | undefined;
}

async function verifyJwt(
  token: string,
  key: JWTVerifyGetKey,
  { algorithms, clock, audience }: VerifyOptions,
): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, key, { algorithms, currentDate: new Date(clock.now()) });
    checkAudience(payload, audience);
    return payload;
  } catch (error) {
    if (isRunnerError(error)) throw error;
    if (error instanceof errors.JWTExpired) {
      const date = new Date((error.payload.exp ?? 0) * 1000).toISOString();
      throw new RunnerError('token_expired', `the token expired on ${date}`, {
        hint: 'issue a new token',
        cause: error,
      });
    }
    throw new RunnerError('token_invalid', `the token is not valid: ${messageOf(error)}`, { cause: error });
  }
}

/** A token without `aud` is normal; one that names other audiences was meant for somebody else. */
function checkAudience(payload: JWTPayload, audience: string | undefined): void {
  if (audience === undefined || payload.aud === undefined) return;
  if (typeof payload.aud === 'string' ? payload.aud === audience : payload.aud.includes(audience)) return;
  throw new RunnerError('token_invalid', `the token is meant for another audience than ${audience}`);
}

const ROLES: ReadonlySet<string> = new Set<TokenRole>(['admin', 'user', 'bot', 'runner', 'run', 'exitStep']);
const isRole = (value: unknown): value is TokenRole => typeof value === 'string' && ROLES.has(value);

function readOwnClaims(payload: JWTPayload): Principal {
  const { role, agentId, runId } = payload as Record<string, unknown>;
  if (!isRole(role) || payload.jti === undefined) throw new RunnerError('token_invalid', 'the token has no role');
  return {
    role,
    subject: payload.sub ?? role,
    tokenId: payload.jti,
    ...(typeof agentId === 'string' ? { agentId } : {}),
    ...(typeof runId === 'string' ? { runId } : {}),
    ...(payload.exp === undefined ? {} : { expiresAt: payload.exp * 1000 }),
  };
}

function checkRow(row: TokenRow | undefined, principal: Principal, now: number): void {
  if (row === undefined || row.role !== principal.role) {
    throw new RunnerError('token_invalid', 'the token is not known to this server', {
      hint: 'the store was replaced since it was issued, or the token was removed; issue a new one',
    });
  }
  if (row.revokedAt !== undefined) {
    throw new RunnerError('token_revoked', `the token was revoked on ${new Date(row.revokedAt).toISOString()}`);
  }
  if (row.expiresAt !== undefined && row.expiresAt <= now) {
    throw new RunnerError('token_expired', `the token expired on ${new Date(row.expiresAt).toISOString()}`);
  }
}
