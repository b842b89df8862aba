import { isIP } from 'node:net';

/** How the text of one variable becomes a value, or a sentence about what is wrong with it. */

export interface Wrong {
  /** What is wrong, without the value. */
  readonly problem: string;
  /** What to write instead. */
  readonly fix: string;
}

/** `notes`: what should be mended although it could be read. */
export type Parsed<T> = { readonly value: T; readonly notes?: readonly Wrong[] } | { readonly wrong: Wrong };

export interface Format<T> {
  /** For the table in the README: `true or false`, `JSON object`. */
  readonly shape: string;
  /** Gets the text trimmed and not empty. */
  parse(text: string): Parsed<T>;
}

export const right = <T>(value: T, notes: readonly Wrong[] = []): Parsed<T> => ({ value, notes });
export const wrong = <T>(problem: string, fix: string): Parsed<T> => ({ wrong: { problem, fix } });

/** A format from a shape and a function. */
export const format = <T>(shape: string, parse: (text: string) => Parsed<T>): Format<T> => ({ shape, parse });

export function text(options: { readonly shape?: string; readonly max?: number } = {}): Format<string> {
  const { shape = 'text', max = 4096 } = options;
  return format(shape, (raw) =>
    raw.length > max ? wrong(`is longer than ${max} characters`, `use at most ${max} characters`) : right(raw),
  );
}

const TRUE = new Set(['true', '1', 'yes']);
const FALSE = new Set(['false', '0', 'no']);

/** Exactly true, false, 1, 0, yes or no (in any case): a typo must not switch something off. */
export const flag: Format<boolean> = format('true or false', (raw) => {
  const word = raw.toLowerCase();
  if (TRUE.has(word)) return right(true);
  if (FALSE.has(word)) return right(false);
  return wrong('is neither true nor false', 'write true or false (1, 0, yes and no are understood too)');
});

/** @param shown the words to offer; others may be understood so that more can be said about them */
export function choice<const T extends string>(values: readonly T[], shown: readonly T[] = values): Format<T> {
  const listed = shown.join(', ');
  return format(shown.join(' | '), (raw) => {
    const found = values.find((value) => value.toLowerCase() === raw.toLowerCase());
    return found === undefined ? wrong('is not one of the known words', `use one of: ${listed}`) : right(found);
  });
}

interface Range {
  readonly min: number;
  readonly max: number;
}

export function integer({ min, max }: Range): Format<number> {
  return format(`whole number, ${min} to ${max}`, (raw) => {
    const value = Number(raw);
    return /^-?\d+$/.test(raw) && value >= min && value <= max
      ? right(value)
      : wrong(`is not a whole number from ${min} to ${max}`, `write a whole number from ${min} to ${max}`);
  });
}

/** Seconds, decimals allowed. */
export function seconds({ min, max }: Range): Format<number> {
  return format(`seconds, ${min} to ${max}`, (raw) => {
    const value = Number(raw);
    return /^\d+(\.\d+)?$/.test(raw) && value >= min && value <= max
      ? right(value)
      : wrong(`is not a number of seconds from ${min} to ${max}`, `write a number from ${min} to ${max}, without unit`);
  });
}

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const DNS_LABEL = new RegExp(`^${LABEL}$`);
const DNS_SUBDOMAIN = new RegExp(`^${LABEL}(\\.${LABEL})*$`);

/** Names of namespaces. */
export const dnsLabel: Format<string> = format('Kubernetes name', (raw) =>
  raw.length <= 63 && DNS_LABEL.test(raw)
    ? right(raw)
    : wrong(
        'is not a Kubernetes name',
        'use at most 63 lower-case letters, digits and dashes, beginning and ending alphanumeric',
      ),
);

/** Names of service accounts and secrets. */
export const dnsSubdomain: Format<string> = format('Kubernetes name', (raw) =>
  raw.length <= 253 && DNS_SUBDOMAIN.test(raw)
    ? right(raw)
    : wrong('is not a Kubernetes name', 'use at most 253 lower-case letters, digits, dashes and dots'),
);

interface PerName {
  /** What stands before the colon: `type`, `category`. */
  readonly what: string;
  readonly example: string;
  /** Undefined: any. */
  readonly names?: readonly string[];
}

/** `metadata:5,profiler:2`: a number for each of several names. */
export function perName(range: Range, { what, example, names }: PerName): Format<ReadonlyMap<string, number>> {
  const item = integer(range);
  return format(`\`${what}:number\` pairs, comma-separated`, (raw) => {
    const out = new Map<string, number>();
    for (const part of raw.split(',').map((p) => p.trim())) {
      const at = part.indexOf(':');
      const name = part.slice(0, Math.max(0, at)).trim();
      const parsed = item.parse(part.slice(at + 1).trim());
      if (name === '' || 'wrong' in parsed) {
        return wrong(
          `is not a list of ${what}:number pairs with whole numbers from ${range.min} to ${range.max}`,
          `write for example ${example}`,
        );
      }
      if (names?.includes(name) === false) {
        return wrong(`names ${JSON.stringify(name)}, which is no ${what}`, `use one of: ${names.join(', ')}`);
      }
      if (out.has(name)) return wrong(`names the ${what} ${name} twice`, `name each ${what} once`);
      out.set(name, parsed.value);
    }
    return right(out);
  });
}

const SHELL_SIGNS = /["'`\\$|&;<>*?(){}]/;

/** A program and its arguments, never given to a shell: a JSON array of strings, or plain words. */
export const command: Format<readonly string[]> = format('JSON array of strings, or plain words', (raw) => {
  if (!raw.startsWith('[')) {
    return SHELL_SIGNS.test(raw)
      ? wrong(
          'holds quotes or shell signs, and no shell reads it',
          'write it as a JSON array: ["program", "argument one"]',
        )
      : right(raw.split(/\s+/));
  }
  const value = jsonOf(raw);
  if (Array.isArray(value) && value.length > 0 && value.every((part) => typeof part === 'string') && value[0] !== '') {
    return right(value);
  }
  return wrong('is not a JSON array of strings', 'write for example ["python", "-m", "my_ingestion"]');
});

/** An IPv4 or IPv6 address. */
export const address: Format<string> = format('IP address', (raw) =>
  isIP(raw) === 0 ? wrong('is not an IP address', 'write an address of this machine, such as 127.0.0.1') : right(raw),
);

const HTTP_PATH = /^\/[A-Za-z0-9/_.~-]*$/;

export const httpPath: Format<string> = format('path', (raw) =>
  HTTP_PATH.test(raw) ? right(raw) : wrong('is not a path', 'write a path that begins with /, such as /metrics'),
);

export const absolutePath: Format<string> = format('absolute path', (raw) =>
  raw.startsWith('/') ? right(raw) : wrong('is not an absolute path', 'write the whole path, beginning with /'),
);

/** A URL of one of these schemes, without user, password, query or fragment. */
export function url(schemes: readonly string[]): Format<URL> {
  const listed = schemes.map((scheme) => `${scheme}://`).join(' or ');
  return format(`URL, ${listed}`, (raw) => {
    if (!URL.canParse(raw)) return wrong('is not a URL', `write a whole URL that begins with ${listed}`);
    const value = new URL(raw);
    if (!schemes.includes(value.protocol.slice(0, -1))) {
      return wrong(`begins with ${value.protocol}//`, `write a URL that begins with ${listed}`);
    }
    if (value.username !== '' || value.password !== '') {
      return wrong('holds a user name or password', 'take them out of the URL; the token has a variable of its own');
    }
    if (value.search !== '' || value.hash !== '')
      return wrong('holds a query or fragment', 'end the URL after its path');
    return right(value);
  });
}

/** The value of a JSON text; undefined when it is none. */
export function jsonOf(raw: string): unknown {
  try {
    return JSON.parse(raw) as unknown;
  } catch {
    return undefined;
  }
}
