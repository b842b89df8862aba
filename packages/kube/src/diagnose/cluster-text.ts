import { redactText } from '@runner/core';

/** Longest part of a message that is passed on. */
const MAX_LENGTH = 400;

/** A text of the cluster as it may be shown: on one line, without credentials, cut. */
export function clusterText(text: string): string {
  const shown = redactText(text)
    .replaceAll(/\s+/g, ' ')
    .trim()
    .replace(/[.,;:]+$/, '');
  return shown.length <= MAX_LENGTH ? shown : `${shown.slice(0, MAX_LENGTH - 1).trimEnd()}…`;
}

/** With a full stop, unless it was cut. */
export const ended = (text: string): string => (text.endsWith('…') ? text : `${text}.`);

/** A text of the cluster inside one of our sentences: the first letter stays as it is, a full stop is added. */
export const sentence = (ours: string, theirs: string): string => {
  const shown = clusterText(theirs);
  return shown === '' ? `${ours}.` : `${ours}: ${ended(shown)}`;
};
