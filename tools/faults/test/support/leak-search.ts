import { Buffer } from 'node:buffer';
import { secretForms } from '@runner/secrets/testing';

/** A part of what was searched, small enough to be looked at by a person. */
export interface Place {
  readonly name: string;
  readonly content: string | Uint8Array;
}

export interface Leak {
  readonly place: string;
  /** Name of what was found. */
  readonly mark: string;
  readonly around: string;
}

/** Something that must not be found. */
export interface Mark {
  readonly name: string;
  readonly value: string;
}

const AROUND = 60;
/** In larger places only the words are looked for: a database has many files, and the words are in every form of a mark. */
const LARGE = 1_048_576;

/**
 * Every mark in every place, whole or in part, in every form. Beside the forms of the redactor itself, whose faults would
 * be missed with them, it looks for words that marks consist of, in encodings made here.
 */
export function findLeaks(places: Iterable<Place>, marks: readonly Mark[], words: readonly Mark[]): readonly Leak[] {
  const parts = words.flatMap(({ name, value }) => wordForms(value).map((form) => ({ name, form: Buffer.from(form) })));
  const whole = marks.flatMap(({ name, value }) =>
    secretForms(value).map((form) => ({ name, form: Buffer.from(form) })),
  );
  const leaks: Leak[] = [];
  for (const { name: place, content } of places) {
    const bytes = Buffer.from(content);
    for (const { name: mark, form } of bytes.length > LARGE ? parts : [...parts, ...whole]) {
      const at = bytes.indexOf(form);
      if (at < 0) continue;
      const around = bytes.subarray(Math.max(0, at - AROUND), at + form.length + AROUND).toString('utf8');
      leaks.push({ place, mark, around });
    }
  }
  return leaks;
}

/** A word as it is, in hex, and the part of its base64 that does not depend on what stands around it. */
function wordForms(word: string): readonly string[] {
  const hex = Buffer.from(word).toString('hex');
  const base64 = [0, 1, 2].map((before) => {
    const text = Buffer.from('\0'.repeat(before) + word).toString('base64');
    const first = Math.ceil((before * 8) / 6);
    const last = Math.floor(((before + word.length) * 8) / 6);
    return text.slice(first, last);
  });
  return [word, hex, hex.toUpperCase(), ...base64];
}
