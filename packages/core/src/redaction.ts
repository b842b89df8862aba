import { redactAssignments } from './redaction-assignments.ts';
import { redactAuthorization } from './redaction-authorization.ts';
import { redactUrls } from './redaction-urls.ts';
import { MARK } from './redaction-mark.ts';

/**
 * Patterns of credentials that must not reach a log, whoever wrote them. Values that are *known* are the business of
 * the package that knows them; this is the net below.
 */

const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;
const SCHEME = /\b(bearer|basic)(\s+)[A-Za-z0-9._~+/=-]{8,}/gi;
/** Signatures that stand in for a login: shared access signatures of Azure, signed URLs of AWS and Google. */
const SIGNATURE = /((?:sig|-signature)=)[A-Za-z0-9%/+=_-]{16,}/gi;

/**
 * Tokens that tell what they are by the way they begin. The rest of a JWT is optional here and asked for below: a long
 * word full of `eyJ` is then read once, not once for each.
 */
const TOKEN = new RegExp(
  `(?<![A-Za-z0-9])(?:${[
    'eyJ[A-Za-z0-9_-]{8,}(\\.[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]{8,})?',
    'gh[oprsu]_[A-Za-z0-9]{20,}', // GitHub
    'github_pat_[A-Za-z0-9_]{20,}',
    'gl(?:pat|ptt|dt|rt|cbt)-[A-Za-z0-9_-]{16,}', // GitLab
    'xox[a-z]-[A-Za-z0-9-]{10,}', // Slack
    'xapp-[A-Za-z0-9-]{10,}',
    'dapi[a-z0-9]{24,}(?:-\\d+)?', // Databricks
    '(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])', // AWS
    'AIza[A-Za-z0-9_-]{35,}', // Google
    'ya29\\.[A-Za-z0-9_-]{20,}',
  ].join('|')})`,
  'g',
);

/** A bound, so that the time is one as well. */
const MOST_PASSES = 5;

/**
 * The text with everything that looks like a credential replaced by `[redacted]`. Applying it twice changes nothing.
 *
 * Recognised are private keys, values of keys that are named like a secret (`DB_PASSWORD=…`, `"clientSecret": "…"`),
 * `Authorization` headers, passwords in URLs, JWTs, tokens that begin the way of their vendor, and signatures of URLs.
 * References (`secret:my-db`) and words such as `none` stay. The time it takes grows with the length of the text only.
 */
export function redactText(text: string): string {
  let before = text;
  let after = redactOnce(before);
  // What is redacted is longer, and ends elsewhere, than what stood there: a word around it may look like a credential now.
  for (let pass = 1; after !== before && pass < MOST_PASSES; pass += 1) {
    before = after;
    after = redactOnce(before);
  }
  return after;
}

function redactOnce(text: string): string {
  // Private keys come first: the value of a key ends with its line.
  let out = text.includes('-----BEGIN ') ? text.replace(PRIVATE_KEY, MARK) : text;
  out = redactUrls(redactAssignments(redactAuthorization(out)));
  out = out.replace(SCHEME, `$1$2${MARK}`).replace(SIGNATURE, `$1${MARK}`);
  return out.replace(TOKEN, (whole: string, rest: string | undefined) =>
    rest === undefined && whole.startsWith('eyJ') ? whole : MARK,
  );
}
