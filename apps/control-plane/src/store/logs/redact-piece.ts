import { redactText } from '@runner/core';

const BEGIN = /-----BEGIN [A-Z ]*PRIVATE KEY-----/g;
const END = /-----END [A-Z ]*PRIVATE KEY-----/;
/** What stands between the two: base64, and the headers of an encrypted key. */
const BODY_LINE = /^(?:[A-Za-z0-9+/=]*|(?:Proc-Type|DEK-Info): .*)\r?$/;

/**
 * Redacts one piece of a log that comes in pieces. A private key may begin in one and end in another: `insideKey` is
 * carried between them, and nothing is let through before the key's end, or the first line that can be no part of one.
 */
export function redactPiece(text: string, insideKey: boolean): { readonly text: string; readonly insideKey: boolean } {
  const rest = insideKey ? behindKey(text) : text;
  if (rest === undefined) return { text: '', insideKey: true };
  const begin = [...rest.matchAll(BEGIN)].at(-1);
  const open = begin !== undefined && behindKey(rest.slice(begin.index + begin[0].length)) === undefined;
  return { text: redactText(rest), insideKey: open };
}

/** What follows the key in whose middle the text begins; undefined when it does not end here. */
function behindKey(text: string): string | undefined {
  for (let from = 0; from < text.length;) {
    const newline = text.indexOf('\n', from);
    const to = newline === -1 ? text.length : newline;
    const line = text.slice(from, to);
    const end = END.exec(line);
    if (end !== null) return text.slice(from + end.index + end[0].length);
    if (!BODY_LINE.test(line)) return text.slice(from);
    from = to + 1;
  }
  return undefined;
}
