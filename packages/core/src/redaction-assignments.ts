import { markRanges, matchEnd } from './redaction-mark.ts';

/**
 * The end of a key's name, its quote, and what stands between it and the value. What stands before is not asked for:
 * `DB_PASSWORD`, `clientSecret` and `secretAccessKey` end like a secret as well. What may stand behind is listed, because
 * `secretsManager`, `tokenizer`, `secret_name` and `password_file` hold no secret. Line breaks are allowed behind the
 * separator only, so that the end of a line tells whether the next one begins with a value.
 */
const HEAD = new RegExp(
  '(?:pass(?:word|wd|phrase)?|pwd|secret|token|credential|key)' +
    's?(?:[_.-]?(?:value|hash|plain|base64|b64|\\d{1,4}))?' +
    '\\\\{0,7}["\']?[ \\t]{0,20}' +
    '(?::[ \\t]{0,4}(?:str|string|bytes|SecretStr|Optional\\[\\w{1,20}\\])[ \\t]{0,4}=|=>|:=|==?|:)\\s{0,100}',
  'gi',
);
/** These two are asked for only then, which is faster: what makes a key a secret one, and `pass` a part of a name. */
const SECRET_KEY = /(?:api|access|account|private|secret|shared|encryption|signing|fernet|master)[_-]?$/i;
const LONGEST_KIND = 11;
const PART_OF_NAME = /[a-z0-9][_-]$/i;

/** `b'…'`, `SecretStr('…')`, `\"…\"` */
const QUOTE = /(?:[bru]{1,2}|\w{1,16}\()?(\\{0,7})(["'])/y;
const BARE = /[^\s"',;&}]+/y;
const SHORTEST = 3;
/** What may follow a closing quote as a part of the same value: `"a"b`. */
const LETTER = /\w/;

/** Says that there is no value, or what is wrong with it. */
const KEPT_WORD =
  /["']?(?:null|none|nil|true|false|undefined|empty|expired|invalid|missing|required|revoked|refused|not|\*+)(?!\.?[^\s"',;:&.})\]])/iy;
/** A code of an error (`secret_forbidden: …`), or, on a line of its own, a key that belongs to this one. */
const KEPT_CODE = /[a-z]+(?:_[a-z]+)+:\s/y;
const KEPT_KEY = /[A-Za-z][\w.-]*:\s/y;
/** `password=secret:id` names a place, not a value. */
const KEPT_REFERENCE = /(?:\\{0,7}["'])?secret:/y;
const KEPT_MARK = /(?:\\{0,7}["'])?\[redacted\]/y;
/** How many there are. */
const COUNT = /\d+(?![^\s"',;&})\]])/y;

/** Redacts the values of keys that are named like a secret: `key=value`, YAML, JSON, dictionaries of Python. */
export function redactAssignments(text: string): string {
  const ranges: [number, number][] = [];
  HEAD.lastIndex = 0;
  for (let head = HEAD.exec(text); head !== null; head = HEAD.exec(text)) {
    const from = HEAD.lastIndex;
    if (!isSecret(text, head[0], head.index) || isKept(text, head[0], from)) continue;
    const end = quotedEnd(text, from) ?? bareEnd(text, from);
    if (end === undefined) continue;
    ranges.push([from, end]);
    HEAD.lastIndex = end;
  }
  return markRanges(text, ranges);
}

function isSecret(text: string, head: string, index: number): boolean {
  const before = text.slice(Math.max(0, index - LONGEST_KIND), index);
  if (/^key/i.test(head)) return SECRET_KEY.test(before);
  if (/^pass(?!w|phrase)/i.test(head)) return PART_OF_NAME.test(before);
  // `secret:id` by itself is a reference; `client_secret:value` is none.
  return head !== 'secret:' || /[\w.-]$/.test(before);
}

function isKept(text: string, head: string, from: number): boolean {
  const kept = (sticky: RegExp): boolean => matchEnd(sticky, text, from) !== undefined;
  return (
    kept(KEPT_MARK) ||
    kept(KEPT_REFERENCE) ||
    kept(KEPT_WORD) ||
    kept(KEPT_CODE) ||
    (head.includes('\n') && kept(KEPT_KEY)) ||
    (/^tokens/i.test(head) && kept(COUNT))
  );
}

function bareEnd(text: string, from: number): number | undefined {
  const end = matchEnd(BARE, text, from);
  return end === undefined || end - from < SHORTEST ? undefined : end;
}

/** Behind the quote that closes the value, or the end of the line when none does; `'it''s'` is one value. */
function quotedEnd(text: string, from: number): number | undefined {
  QUOTE.lastIndex = from;
  const open = QUOTE.exec(text);
  if (open === null) return undefined;
  const [, escape = '', quote = ''] = open;
  const begin = QUOTE.lastIndex;
  let end = closingQuote(text, begin, quote, escape.length);
  while (text.startsWith(escape + quote, end)) {
    end = closingQuote(text, end + escape.length + 1, quote, escape.length);
  }
  if (LETTER.test(text.charAt(end))) end = matchEnd(BARE, text, end) ?? end;
  // The closing quote is counted as well.
  return end - begin > SHORTEST ? end : undefined;
}

/** A quote counts when no more backslashes stand before it than before the one that opened. */
function closingQuote(text: string, begin: number, quote: string, escapes: number): number {
  let backslashes = 0;
  for (let index = begin; index < text.length; index += 1) {
    const character = text[index];
    if (character === '\n') return index;
    if (character === quote && (escapes === 0 ? backslashes % 2 === 0 : backslashes <= escapes)) return index + 1;
    backslashes = character === '\\' ? backslashes + 1 : 0;
  }
  return text.length;
}
