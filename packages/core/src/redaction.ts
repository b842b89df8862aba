/**
 * Patterns of credentials that must not reach a log, whoever wrote them. Values that are *known* are the business of
 * the package that knows them; this is the net below.
 */

const MARK = '[redacted]';

interface Pattern {
  readonly name: string;
  readonly regex: RegExp;
  readonly replacement: string;
}

const PATTERNS: readonly Pattern[] = [
  // The rest of a JWT is optional here and asked for below: a long word full of `eyJ` is then read once, not once for each.
  {
    name: 'jwt',
    regex: /\beyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,})?/g,
    replacement: MARK,
  },
  { name: 'authorization', regex: /\b(bearer|basic)(\s+)[A-Za-z0-9._~+/=-]{8,}/gi, replacement: `$1$2${MARK}` },
  // Only the end of the scheme: looking for its beginning costs the square of the length of a word full of dots.
  { name: 'url password', regex: /([a-z0-9+.-]:\/\/[^\s/:@]*):[^\s/@]+@/gi, replacement: `$1:${MARK}@` },
  {
    name: 'private key',
    regex: /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
    replacement: MARK,
  },
  { name: 'aws access key', regex: /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, replacement: MARK },
  {
    name: 'aws secret key',
    regex: /\b(aws_?secret_?access_?key["']?\s*[=:]\s*["']?)[A-Za-z0-9/+]{40}/gi,
    replacement: `$1${MARK}`,
  },
  { name: 'google api key', regex: /\bAIza[A-Za-z0-9_-]{35}/g, replacement: MARK },
  { name: 'google token', regex: /\bya29\.[A-Za-z0-9_-]{20,}/g, replacement: MARK },
  {
    name: 'password assignment',
    regex:
      /\b((?:password|passwd|pwd|secret|token|api_?key)["']?\s*[=:]\s*)(?!\[redacted\])("[^"\n]{3,}"|'[^'\n]{3,}'|[^\s"',;&}]{3,})/gi,
    replacement: `$1${MARK}`,
  },
];

/** `password=secret:id` names a place, not a value, and so does `secret:id` by itself: references stay readable. */
const REFERENCE = /^["']?secret:/;
const REFERENCE_PREFIX = 'secret:';

/** The text with everything that looks like a credential replaced by `[redacted]`. Applying it twice changes nothing. */
export function redactText(text: string): string {
  let out = text;
  for (const { regex, replacement, name } of PATTERNS) {
    if (name === 'password assignment') {
      out = out.replace(regex, (whole: string, head: string, value: string) =>
        head === REFERENCE_PREFIX || REFERENCE.test(value) ? whole : `${head}${MARK}`,
      );
    } else if (name === 'jwt') {
      out = out.replace(regex, (whole: string, rest: string | undefined) => (rest === undefined ? whole : replacement));
    } else {
      out = out.replace(regex, replacement);
    }
  }
  return out;
}
