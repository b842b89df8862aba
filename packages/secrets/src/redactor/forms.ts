import { Buffer } from 'node:buffer';

/** Values shorter than this, in characters, are too common as parts of other words: only whole lines count (line-rule.ts). */
export const SHORTEST_ANYWHERE = 6;
/** Lines of a multi-line value that are recognised on their own. */
const MOST_LINES = 500;
/** How long the lines are into which base64 is broken where nobody says otherwise: coreutils and Python; OpenSSL and PEM. */
const BASE64_LINES = [76, 64] as const;
/** The same of hex, as xxd writes it. */
const HEX_LINE = 60;
/** Values longer than this many characters are recognised by their plain and escaped forms only as a whole, not line by line. */
const LONGEST_BY_LINES = 65_536;

/**
 * The ways in which a value may stand in a program's output: as it is, its lines, and both of them in base64 (also inside
 * a longer base64 text, and there JSON-escaped; by itself broken into lines, too), URL-encoded, JSON-escaped, shell-quoted and in hex. Each form once; all at least
 * `SHORTEST_ANYWHERE` long. None for a value that is shorter than that itself.
 */
export function secretForms(value: string): readonly string[] {
  if (value.trim().length < SHORTEST_ANYWHERE) return [];
  const forms = new Set<string>();
  // Line breaks around a value are rarely printed with it, and redacting one would join two lines.
  const whole = value.replace(/^[\r\n]+/, '').replace(/[\r\n]+$/, '');
  for (const text of [whole, ...linesOf(whole)]) {
    for (const form of encodings(text)) {
      if (form.length >= SHORTEST_ANYWHERE) forms.add(form);
    }
  }
  return [...forms];
}

function linesOf(value: string): readonly string[] {
  if (value.length > LONGEST_BY_LINES || !/[\r\n]/.test(value)) return [];
  const lines = value.split(/[\r\n]+/, MOST_LINES).map((line) => line.trim());
  return lines.filter((line) => line.length >= SHORTEST_ANYWHERE);
}

function encodings(text: string): readonly string[] {
  const bytes = Buffer.from(text);
  const hex = bytes.toString('hex');
  const json = jsonForms(text);
  return [
    text,
    ...base64Forms(bytes),
    // A document that holds it, encoded as a whole.
    ...[...new Set(json)].filter((form) => form !== text).flatMap((form) => base64Forms(Buffer.from(form))),
    ...[hex, hex.toUpperCase()].flatMap((form) => [form, ...broken(form, [HEX_LINE])]),
    ...urlForms(text),
    ...json,
    // A document inside a document, as in the config of a workload.
    ...json.flatMap(jsonForms),
    ...shellForms(text),
  ];
}

/**
 * The part of a base64 text that the bytes decide wherever they stand in what was encoded: user and password are often
 * encoded together. With three bytes to a group there are three ways to begin.
 */
function base64Forms(bytes: Buffer): readonly string[] {
  const whole = bytes.toString('base64').replace(/=+$/, '');
  const inside = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const first = [0, 2, 3][before] ?? 0;
    // The last character also holds bits of what follows, unless a group ends here.
    const last = (before + bytes.length) % 3 === 0 ? text.length : text.length - 1;
    return text.slice(first, last);
  });
  // The first is what tools write that were given nothing else, or a line break behind it.
  const lines = broken(inside[0] ?? '', BASE64_LINES);
  return [whole, ...inside, ...lines].flatMap((form) => [form, form.replaceAll('+', '-').replaceAll('/', '_')]);
}

/** A text in lines of these lengths; none where it fits into one. */
function broken(text: string, lengths: readonly number[]): readonly string[] {
  return lengths
    .filter((length) => text.length > length)
    .map((length) => (text.match(new RegExp(`.{1,${length}}`, 'g')) ?? []).join('\n'));
}

const LONE_SURROGATE = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;

function urlForms(text: string): readonly string[] {
  if (LONE_SURROGATE.test(text)) return [];
  const component = encodeURIComponent(text);
  const strict = component.replaceAll(/[!'()*]/g, (c) => percent(c));
  const form = new URLSearchParams([['', text]]).toString().slice(1);
  const all = [component, strict, form, form.replaceAll('%7E', '~'), component.replaceAll('%2F', '/'), encodeURI(text)];
  return all.flatMap((one) => [one, one.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())]);
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** As JavaScript and Python write strings into JSON; and with the escapes that are allowed but not needed. */
function jsonForms(text: string): readonly string[] {
  const plain = JSON.stringify(text).slice(1, -1);
  const ascii = plain.replaceAll(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return [plain, ascii].flatMap((form) => [form, form.replaceAll('/', '\\/')]);
}

/** Inside single quotes (both ways of writing one), inside double quotes, with backslashes, as Python's repr. */
function shellForms(text: string): readonly string[] {
  return [
    text.replaceAll("'", String.raw`'\''`),
    text.replaceAll("'", `'"'"'`),
    text.replaceAll(/["\\$`!]/g, (c) => `\\${c}`),
    text.replaceAll(/["\\$`]/g, (c) => `\\${c}`),
    text.replaceAll(/[^A-Za-z0-9_@%+=:,./\u0080-\uffff-]/g, (c) => `\\${c}`),
    text
      .replaceAll('\\', '\\\\')
      .replaceAll("'", String.raw`\'`)
      .replaceAll('\n', String.raw`\n`),
    text.replaceAll('\\', '\\\\').replaceAll('\n', String.raw`\n`),
  ];
}
