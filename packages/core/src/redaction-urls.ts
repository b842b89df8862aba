import { markRanges, matchEnd } from './redaction-mark.ts';

const USER = /[^\s/:@"'`]*:/y;
/** Blank or quote: a URL is over there at the latest. */
const END = /[\s"'`]/g;
/** `host:8080/path` has no password; an unescaped slash in a password that begins with digits only is taken for one. */
const PORT = /\d{1,5}[/?#]/y;

/** Redacts passwords in URLs, up to the last `@`: people forget to escape `@` and `/` in them. */
export function redactUrls(text: string): string {
  const ranges: [number, number][] = [];
  let end = -1;
  let lastAt = -1;
  let scheme = text.indexOf('://');
  while (scheme >= 0) {
    let next = scheme + 3;
    const from = matchEnd(USER, text, next);
    if (from !== undefined) {
      // One search for all the URLs of a word: a word may be as long as the text.
      if (from > end) [end, lastAt] = wordFrom(text, from);
      if (lastAt <= from) {
        next = end;
      } else if (matchEnd(PORT, text, from) === undefined) {
        ranges.push([from, lastAt]);
        next = lastAt;
      }
    }
    scheme = text.indexOf('://', next);
  }
  return markRanges(text, ranges);
}

/** Where the word around `from` ends, and its last `@` from there on; -1 when it has none. */
function wordFrom(text: string, from: number): [end: number, lastAt: number] {
  END.lastIndex = from;
  const end = END.exec(text)?.index ?? text.length;
  const at = text.slice(from, end).lastIndexOf('@');
  return [end, at < 0 ? -1 : from + at];
}
