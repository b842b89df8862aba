import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import { RunnerError } from '@runner/core';
import type { JsonObject, SettingsStore } from '../store/ports.ts';

const SETTING = 'signingKeys';
export const ALGORITHM = 'RS256';

/** The keys of this installation. The first one signs; every one of them verifies. */
export interface SigningKeys {
  readonly signing: { readonly kid: string; readonly key: CryptoKey };
  publicKey(kid: string): CryptoKey | undefined;
  /** Public halves, as OpenMetadata serves them. */
  readonly jwks: { readonly keys: readonly JsonObject[] };
}

interface StoredKey {
  readonly kid: string;
  readonly privateJwk: JWK;
}

/** Reads the keys from the store, or makes them on the first start; safe with replicas that start together. */
export async function loadKeys(settings: SettingsStore): Promise<SigningKeys> {
  const stored = storedKeys(await settings.getOrCreate(SETTING, async () => ({ keys: [await newKey()] })));
  const [first] = stored;
  if (first === undefined) throw new RunnerError('signing_keys_unreadable', 'the stored signing keys are empty');
  const publics = new Map<string, CryptoKey>();
  const jwks: JsonObject[] = [];
  for (const { kid, privateJwk } of stored) {
    const { kty, n, e } = privateJwk;
    if (kty === undefined || n === undefined || e === undefined) {
      throw new RunnerError('signing_keys_unreadable', 'a stored signing key is incomplete');
    }
    const jwk = { kty, n, e, kid, alg: ALGORITHM, use: 'sig' };
    publics.set(kid, await rsaKey(jwk));
    jwks.push(jwk);
  }
  return {
    signing: { kid: first.kid, key: await rsaKey(first.privateJwk) },
    publicKey: (kid) => publics.get(kid),
    jwks: { keys: jwks },
  };
}

async function newKey(): Promise<JsonObject> {
  const pair = await generateKeyPair(ALGORITHM, { modulusLength: 2048, extractable: true });
  const privateJwk = await exportJWK(pair.privateKey);
  return { kid: await calculateJwkThumbprint(privateJwk), privateJwk };
}

function storedKeys(setting: JsonObject): readonly StoredKey[] {
  return Array.isArray(setting['keys']) ? (setting['keys'] as readonly StoredKey[]) : [];
}

async function rsaKey(jwk: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk, ALGORITHM);
  if (key instanceof Uint8Array) throw new RunnerError('signing_keys_unreadable', 'a stored signing key is no RSA key');
  return key;
}
