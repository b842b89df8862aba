/** Names of fields that hold a credential, for connection types nobody described to us. */

const LAST_WORDS: ReadonlySet<string> = new Set([
  'password',
  'passwd',
  'pwd',
  'passphrase',
  'passcode',
  'secret',
  'token',
  'jwt',
  'credential',
  'dsn',
]);

/** `key` alone is a column or a topic; with one of these before it, it opens something. */
const WORDS_BEFORE_KEY: ReadonlySet<string> = new Set([
  'access',
  'account',
  'api',
  'app',
  'application',
  'auth',
  'encryption',
  'license',
  'master',
  'private',
  'sas',
  'secret',
  'service',
  'shared',
  'signing',
  'ssl',
  'storage',
]);

/** As written without a gap: `sslpassword`, `accesstoken`. */
const ENDING = /(?:password|passwd|passphrase|secret|token|(?:access|api|private|secret|shared)key)$/;

const WHOLE: ReadonlySet<string> = new Set(['connectionstring', 'authorization', 'sasurl', 'apikey', 'privatekey']);

/** `clientSecret`, `API_KEY` and `X-Auth-Token` as words in lower case, a plural as its singular, numbers at the end left out. */
function wordsOf(name: string): readonly string[] {
  return name
    .slice(0, 256)
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .replace(/[^a-z]+$/, '')
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
    .map((word) => (word.length > 3 && word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word));
}

/** True when a field of this name usually holds a credential: `userPassword`, `apiKey`, but not `tokenUrl` or `keyId`. */
export function isTellingName(name: string): boolean {
  const words = wordsOf(name);
  const last = words.at(-1);
  if (last === undefined) return false;
  if (LAST_WORDS.has(last) || ENDING.test(last) || WHOLE.has(words.join(''))) return true;
  const before = words.at(-2);
  return last === 'key' && before !== undefined && WORDS_BEFORE_KEY.has(before);
}
