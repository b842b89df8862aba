import { redactText } from '@runner/core';

const BEGIN = /-----BEGIN [A-Z ]*PRIVATE KEY-----/g;
const END = /-----END [A-Z ]*PRIVATE KEY-----/;

/**
 * Redacts one piece of a log that comes in pieces. A private key may begin in one and end in another: `insideKey` is
 * carried between them, and nothing is let through before its end.
 */
export function redactPiece(text: string, insideKey: boolean): { readonly text: string; readonly insideKey: boolean } {
  let rest = text;
  if (insideKey) {
    const end = END.exec(text);
    if (end === null) return { text: '', insideKey: true };
    rest = text.slice(end.index + end[0].length);
  }
  const begin = [...rest.matchAll(BEGIN)].at(-1);
  const open = begin !== undefined && !END.test(rest.slice(begin.index));
  return { text: redactText(rest), insideKey: open };
}
