import type { Diagnosis, DiagnosisCategory } from '../observation.ts';

/** A text in a program's output by which a known failure is recognised. */
export interface Sign {
  readonly pattern: RegExp;
  readonly category: DiagnosisCategory;
  readonly code: string;
  /** `$1` stands for the first group of the pattern, or for what `subject` finds. */
  readonly message: string;
  readonly hint: string;
  /** Finds what the message names where the pattern's own group does not. */
  readonly subject?: (text: string) => string | undefined;
}

const MAX_SUBJECT = 250;

/** What the first sign that is in the text says. */
export function diagnosisOf(signs: readonly Sign[], text: string): Diagnosis | undefined {
  for (const { pattern, category, code, message, hint, subject } of signs) {
    const match = pattern.exec(text);
    if (match === null) continue;
    const [, ...groups] = match as readonly (string | undefined)[];
    const named = (subject?.(text) ?? groups.find((group) => group !== undefined) ?? '').trim().slice(0, MAX_SUBJECT);
    return { category, code, message: message.replace('$1', () => named).trim(), hint, permanent: true };
  }
  return undefined;
}
