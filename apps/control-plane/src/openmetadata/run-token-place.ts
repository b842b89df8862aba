import type { JsonObject } from '../store/ports.ts';
import { isObject } from './json.ts';

/**
 * A run's token is in no store: what is stored of its config has this in the token's place, and the token is put there
 * when the start is sent. Nobody can bring it about that a token goes elsewhere by writing such a text into a pipeline: the
 * id in it is random, minted with the run, and a token with any other id is good for nothing.
 */
const PREFIX = 'run-token:';

/** What a token is made of, besides its run. */
export interface RunTokenClaim {
  readonly tokenId: string;
  /** Epoch milliseconds. Every sending of the start carries the same token. */
  readonly issuedAt: number;
}

export function runTokenPlace({ tokenId, issuedAt }: RunTokenClaim): string {
  return `${PREFIX}${tokenId}:${issuedAt}`;
}

/** Where workflow configs keep the connection to OpenMetadata, then Workflow and App entities. */
const SERVER_PATHS = [['workflowConfig', 'openMetadataServerConfig'], ['openMetadataServerConnection']] as const;
const TOKEN_PATH = ['securityConfig', 'jwtToken'] as const;

/** The config with its token in place; the same one when none was left out. */
export async function withRunToken(
  config: JsonObject,
  mint: (claim: RunTokenClaim) => Promise<string>,
): Promise<JsonObject> {
  for (const server of SERVER_PATHS) {
    const path = [...server, ...TOKEN_PATH];
    const claim = claimOf(path.reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), config));
    if (claim !== undefined) return replaced(config, path, await mint(claim));
  }
  return config;
}

function claimOf(value: unknown): RunTokenClaim | undefined {
  const match = typeof value === 'string' ? /^run-token:([0-9a-f-]{36}):(\d{1,16})$/.exec(value) : null;
  return match?.[1] === undefined ? undefined : { tokenId: match[1], issuedAt: Number(match[2]) };
}

function replaced(value: JsonObject, [key = '', ...rest]: readonly string[], token: string): JsonObject {
  const inner = value[key];
  return { ...value, [key]: rest.length > 0 && isObject(inner) ? replaced(inner, rest, token) : token };
}
