const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * Whether no array or object of this JSON text lies deeper than `limit` levels; asked before it is parsed. Linear in
 * the length, constant in memory, and does not mind text that is no JSON (the parser refuses that).
 */
export function isShallow(text: string, limit: number): boolean {
  return hasFewOpeners(text, limit) || scanDepth(text, limit);
}

/** Most frames have fewer brackets than levels are allowed, which a native search sees many times faster. */
function hasFewOpeners(text: string, limit: number): boolean {
  let seen = 0;
  for (const opener of ['{', '[']) {
    for (let at = text.indexOf(opener); at !== -1; at = text.indexOf(opener, at + 1)) {
      seen += 1;
      if (seen > limit) return false;
    }
  }
  return true;
}

function scanDepth(text: string, limit: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      at = endOfString(text, at);
    } else if (unit === OPEN_BRACE || unit === OPEN_BRACKET) {
      depth += 1;
      if (depth > limit) return false;
    } else if (unit === CLOSE_BRACE || unit === CLOSE_BRACKET) {
      depth -= 1;
    }
  }
  return true;
}

/** Most strings are shorter than it pays to start a native search for. */
const SHORT_STRING = 48;

/** Position of the closing quote, or the end of the text. A quote behind an odd number of backslashes does not close. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at <= start + SHORT_STRING; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) return at;
    if (unit === BACKSLASH) break;
  }
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let before = at - 1;
    while (text.charCodeAt(before) === BACKSLASH) before -= 1;
    if ((at - 1 - before) % 2 === 0) return at;
  }
  return text.length;
}
