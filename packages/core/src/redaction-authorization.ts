import { markRanges, matchEnd } from './redaction-mark.ts';

const HEADER = /authorization\\{0,7}["']?[ \t]{0,8}[:=][ \t]{0,8}\\{0,7}["']?/gi;
const SCHEME = /[A-Za-z][A-Za-z0-9_-]{0,63}[ \t]{1,8}/y;
/** One word, with the quoted values of parameters as Digest has them. */
const WORD = /(?:[^\s"'=\\]|=(?:"[^"\n]*")?)+/y;
const BLANKS = /[ \t]{1,8}/y;
/** Shorter words behind the scheme are taken for prose: `Authorization: refused by host`. */
const SHORTEST = 8;
/** A word without a scheme before it that is no word of a language. */
const OPAQUE = /^(?=.{0,512}\d)|^.{24}/;

/** Redacts what follows the scheme of an `Authorization` header, whatever the scheme is, or the header's only word. */
export function redactAuthorization(text: string): string {
  const ranges: [number, number][] = [];
  HEADER.lastIndex = 0;
  while (HEADER.test(text)) {
    const start = HEADER.lastIndex;
    const behindScheme = matchEnd(SCHEME, text, start);
    const range = (behindScheme === undefined ? undefined : parameters(text, behindScheme)) ?? opaque(text, start);
    if (range === undefined) continue;
    ranges.push(range);
    HEADER.lastIndex = range[1];
  }
  return markRanges(text, ranges);
}

/** The word at `from`, and the words that follow a comma at its end. */
function parameters(text: string, from: number): [number, number] | undefined {
  let end = matchEnd(WORD, text, from);
  if (end === undefined || end - from < SHORTEST) return undefined;
  while (text[end - 1] === ',') {
    const next = matchEnd(BLANKS, text, end);
    const wordEnd = next === undefined ? undefined : matchEnd(WORD, text, next);
    if (next === undefined || wordEnd === undefined || !text.slice(next, wordEnd).includes('=')) break;
    end = wordEnd;
  }
  return [from, end];
}

function opaque(text: string, from: number): [number, number] | undefined {
  const end = matchEnd(WORD, text, from);
  if (end === undefined || end - from < SHORTEST) return undefined;
  return OPAQUE.test(text.slice(from, end)) ? [from, end] : undefined;
}
