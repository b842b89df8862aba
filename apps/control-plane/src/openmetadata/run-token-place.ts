import type { JsonObject } from '../store/ports.ts';
import { isObject } from './json.ts';

/**
 * The tokens of a run are in no store: what is stored of its start has these texts in their places, and the tokens are
 * put there when the start is sent. Nobody can bring it about that a token goes elsewhere by writing such a text into a
 * pipeline: the id in it is random, minted with the run, and a token with any other id is good for nothing.
 */
const RUN = 'run-token';
const EXIT = 'exit-token';

/** What a token is made of, besides its run. */
export interface RunTokenClaim {
  readonly tokenId: string;
  /** Epoch milliseconds. Every sending of the start carries the same token. */
  readonly issuedAt: number;
}

/** Stands in the config for the token of the main program. */
export function runTokenPlace({ tokenId, issuedAt }: RunTokenClaim): string {
  return `${RUN}:${tokenId}:${issuedAt}`;
}

/** Stands beside the config for the token of the exit step. */
export function exitTokenPlace({ tokenId, issuedAt }: RunTokenClaim): string {
  return `${EXIT}:${tokenId}:${issuedAt}`;
}

/** Where workflow configs keep the connection to OpenMetadata, then Workflow and App entities. */
const SERVER_PATHS = [['workflowConfig', 'openMetadataServerConfig'], ['openMetadataServerConnection']] as const;
const TOKEN_PATH = ['securityConfig', 'jwtToken'] as const;

/** The config with its token in place; the same one when none was left out. */
export async function withRunToken(
  config: JsonObject,
  mint: (claim: RunTokenClaim) => Promise<string>,
): Promise<JsonObject> {
  const place = placeIn(config);
  return place === undefined ? config : replaced(config, place.path, await mint(place.claim));
}

/** Whether the workload of this config reports to this server, with this token of its run. */
export function reportsHere(config: JsonObject, { tokenId }: RunTokenClaim): boolean {
  return placeIn(config)?.claim.tokenId === tokenId;
}

/** What the token of the exit step is made of; undefined where the start has no place for one. */
export function exitTokenClaim(place: string | undefined): RunTokenClaim | undefined {
  return claimOf(place, EXIT);
}

function placeIn(config: JsonObject): { readonly path: readonly string[]; readonly claim: RunTokenClaim } | undefined {
  for (const server of SERVER_PATHS) {
    const path = [...server, ...TOKEN_PATH];
    const value = path.reduce<unknown>((inner, key) => (isObject(inner) ? inner[key] : undefined), config);
    const claim = claimOf(value, RUN);
    if (claim !== undefined) return { path, claim };
  }
  return undefined;
}

function claimOf(value: unknown, prefix: string): RunTokenClaim | undefined {
  const match = typeof value === 'string' ? /^([a-z-]+):([0-9a-f-]{36}):(\d{1,16})$/.exec(value) : null;
  if (match?.[1] !== prefix || match[2] === undefined) return undefined;
  return { tokenId: match[2], issuedAt: Number(match[3]) };
}

function replaced(value: JsonObject, [key = '', ...rest]: readonly string[], token: string): JsonObject {
  const inner = value[key];
  return { ...value, [key]: rest.length > 0 && isObject(inner) ? replaced(inner, rest, token) : token };
}
