/** A simple command of a shell script: what it sets for itself, and its words without quotes. */
export interface ShellCommand {
  readonly assignments: readonly { readonly name: string; readonly value: string }[];
  readonly words: readonly string[];
}

const OPENING = new Set(['do', 'then', 'else', '{', '!']);
const CLOSING = new Set(['done', 'fi', '}', 'for', 'in']);

interface Reading {
  readonly text: string;
  at: number;
  readonly found: ShellCommand[];
}

/**
 * The simple commands of a script, those in `$(…)` too. It knows as much of the language as documents use: quotes,
 * comments, lists, pipes, redirections, `for` and `if`. Here documents are not among it.
 */
export function shellCommands(text: string): readonly ShellCommand[] {
  const reading: Reading = { text, at: 0, found: [] };
  let words: string[] = [];
  let skipsWord = false;
  const end = (): void => {
    const command = commandOf(words);
    if (command !== undefined) reading.found.push(command);
    words = [];
  };
  while (reading.at < text.length) {
    const sign = text[reading.at] ?? '';
    if (text.startsWith('\\\n', reading.at)) reading.at += 2;
    else if (sign === '#') reading.at = lineEnd(reading);
    else if ('\n;|&()'.includes(sign)) {
      end();
      reading.at += 1;
    } else if (/\s/.test(sign)) reading.at += 1;
    else if ('<>'.includes(sign)) {
      while ('<>&'.includes(text[reading.at] ?? '.')) reading.at += 1;
      skipsWord = true;
    } else {
      const word = readWord(reading);
      if (skipsWord) skipsWord = false;
      else if (!(/^\d$/.test(word) && '<>'.includes(text[reading.at] ?? '.'))) words.push(word);
    }
  }
  end();
  return reading.found;
}

function commandOf(words: readonly string[]): ShellCommand | undefined {
  let rest = words;
  while (OPENING.has(rest[0] ?? '')) rest = rest.slice(1);
  if (rest.length === 0 || CLOSING.has(rest[0] ?? '')) return undefined;
  const assignments = [];
  while (/^[A-Za-z_]\w*=/.test(rest[0] ?? '')) {
    const [name, value] = splitOnce(rest[0] ?? '');
    assignments.push({ name, value });
    rest = rest.slice(1);
  }
  return { assignments, words: rest };
}

/** `name=value` in two. */
export function splitOnce(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

const lineEnd = ({ text, at }: Reading): number => {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
};

function readWord(reading: Reading): string {
  const { text } = reading;
  let word = '';
  while (reading.at < text.length && !/[\s;|&()<>]/.test(text[reading.at] ?? '')) {
    const sign = text[reading.at] ?? '';
    if (sign === "'") word += until(reading, "'");
    else if (sign === '"') word += doubleQuoted(reading);
    else if (text.startsWith('$(', reading.at)) word += substitution(reading);
    else if (sign === '\\') {
      if (text[reading.at + 1] === '\n') break;
      word += text[reading.at + 1] ?? '';
      reading.at += 2;
    } else {
      word += sign;
      reading.at += 1;
    }
  }
  return word;
}

function until(reading: Reading, quote: string): string {
  const end = reading.text.indexOf(quote, reading.at + 1);
  if (end < 0) throw new Error('a quote has no end');
  const found = reading.text.slice(reading.at + 1, end);
  reading.at = end + 1;
  return found;
}

function doubleQuoted(reading: Reading): string {
  let word = '';
  reading.at += 1;
  while (reading.text[reading.at] !== '"') {
    if (reading.at >= reading.text.length) throw new Error('a quote has no end');
    if (reading.text.startsWith('$(', reading.at)) word += substitution(reading);
    else {
      if (reading.text[reading.at] === '\\') reading.at += 1;
      word += reading.text[reading.at] ?? '';
      reading.at += 1;
    }
  }
  reading.at += 1;
  return word;
}

/** The commands in `$(…)` are found too; in the word it stands as `$()`. */
function substitution(reading: Reading): string {
  const from = reading.at + 2;
  let depth = 1;
  let at = from;
  for (; depth > 0; at += 1) {
    if (at >= reading.text.length) throw new Error('$( has no end');
    const sign = reading.text[at];
    if (sign === "'") at = reading.text.indexOf("'", at + 1);
    else if (sign === '(') depth += 1;
    else if (sign === ')') depth -= 1;
  }
  reading.found.push(...shellCommands(reading.text.slice(from, at - 1)));
  reading.at = at;
  return '$()';
}
