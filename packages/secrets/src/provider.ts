import { Secret } from '@runner/core';
import { secretError, shownId } from './errors.ts';

/** Something odd about a secret that could be read. Says what, never the value. */
export type SecretWarningCode =
  | 'value_trailing_newline'
  | 'value_surrounding_space'
  | 'value_quoted'
  | 'value_json'
  | 'value_byte_order_mark'
  | 'value_is_reference'
  | 'file_mode_open';

export interface SecretWarning {
  readonly code: SecretWarningCode;
  readonly message: string;
}

export interface FetchedSecret {
  /** Exactly as stored: nothing trimmed, nothing parsed. */
  readonly value: Secret;
  /** Name the store gives this version, where it has versions. */
  readonly version?: string;
  readonly warnings: readonly SecretWarning[];
}

/** Who is asked, for messages. Never a credential. */
export interface SecretProviderDescription {
  /** `file`, `env`, `kubernetes`, `aws`, … */
  readonly name: string;
  /** Where it looks: a folder, a vault, a region and account. */
  readonly location: string;
  /** As whom, where that is known without a call. */
  readonly identity?: string;
  /** What OpenMetadata's own library would read otherwise or not at all, for a preflight. */
  readonly notes?: readonly string[];
}

/** The answer for one of several ids. */
export type BatchAnswer =
  { readonly ok: true; readonly secret: FetchedSecret } | { readonly ok: false; readonly error: Error };

export interface SecretFetchOptions {
  /** Give up as soon as it is aborted. The resolver waits no longer than that in any case. */
  readonly signal: AbortSignal;
}

/**
 * A store of secrets. Everything a resolver needs to know of it; caching, retries, deadlines and sharing of calls are the
 * resolver's business, so a provider makes one attempt and says truthfully how it went.
 *
 * Errors are `secretError`s: absent is `secret_not_found` (or `secret_key_missing`), and an error that may pass by
 * itself is one of the retryable codes. `secretProviderContract` of `@runner/secrets/testing` proves an implementation.
 */
export interface SecretProvider {
  describe(): SecretProviderDescription;
  fetch(id: string, options: SecretFetchOptions): Promise<FetchedSecret>;
  /**
   * Several secrets with one call, where the store can do that and it costs less. An id without an entry in the answer,
   * and every id of a call that rejects, is fetched alone afterwards.
   */
  fetchMany?(ids: readonly string[], options: SecretFetchOptions): Promise<ReadonlyMap<string, BatchAnswer>>;
  /** The most ids `fetchMany` takes. Default 20. */
  readonly batchLimit?: number;
  /** Releases sockets and files. Idempotent. */
  close?(): Promise<void>;
}

/**
 * What a store answered, as text: bytes that are not UTF-8 are `secret_binary`, nothing at all is `secret_empty`, and
 * what is probably a mistake is warned about. Every provider returns its values through this.
 */
export function secretText(
  stored: string | Uint8Array,
  about: { readonly provider: string; readonly id: string; readonly location?: string },
): FetchedSecret {
  const text = typeof stored === 'string' ? stored : decodeUtf8(stored);
  if (text === undefined) {
    throw secretError('secret_binary', `the secret ${shownId(about.id)} is not text in UTF-8`, {
      ...about,
      hint: 'store the value as plain text',
    });
  }
  if (text === '') {
    throw secretError('secret_empty', `the secret ${shownId(about.id)} is empty`, {
      ...about,
      hint: 'store a value; an empty one would be used as an empty password',
    });
  }
  return { value: new Secret(text), warnings: textWarnings(text) };
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** A long value is no password that somebody typed; looking at its ends is enough, and cheap. */
const LOOKED_AT_AS_JSON = 65_536;

function textWarnings(text: string): readonly SecretWarning[] {
  const warnings: SecretWarning[] = [];
  const warn = (code: SecretWarningCode, message: string): number => warnings.push({ code, message });
  if (text.startsWith('\uFEFF')) warn('value_byte_order_mark', 'the value begins with a byte order mark');
  if (text.endsWith('\n') || text.endsWith('\r'))
    warn('value_trailing_newline', 'the value ends with a line break, which is part of it');
  else if (text.trim() !== text) warn('value_surrounding_space', 'the value begins or ends with white space');
  const inner = text.trim();
  if (/^(["'])[^]*\1$/.test(inner) && inner.length > 1) {
    warn('value_quoted', 'the value stands in quotes, which are part of it');
  } else if (inner.length <= LOOKED_AT_AS_JSON && isJsonContainer(inner)) {
    warn('value_json', 'the value is a JSON document, which is handed on as a whole');
  }
  if (inner.startsWith('secret:')) {
    warn('value_is_reference', 'the value is a secret reference itself, which is not followed');
  }
  return warnings;
}

function isJsonContainer(text: string): boolean {
  if (!/^[[{][^]*[\]}]$/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
