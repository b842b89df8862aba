import { redactText } from '@runner/core';
import type { AgentConfig } from '../config.ts';
import { VARIABLES } from '../config/catalogue.ts';
import type { Environment, ReadFile } from '../config/read.ts';
import type { Variable } from '../config/variable.ts';

/** A text without anything that is known to be secret, or that looks like it. */
export type Redact = (text: string) => string;

const MARK = '[redacted]';
const NAMED_LIKE_A_SECRET =
  /TOKEN|PASSWORD|PASSWD|PASSPHRASE|PASS$|_PWD$|SECRET|CREDENTIAL|PRIVATE|_KEY$|APIKEY|ACCESS_KEY|CONNECTION_STRING/i;
/** Variables that are only the names and places of secrets. */
const NO_VALUE = /_FILE$|_NAME$|_PATH$|^SECRETS_|^DOCKER_SECRET_|^PULL_SECRET_|_PULL_SECRETS$/;
/** Variables of workloads that are told here and there, and are no secrets. */
const PLAIN = /REGION|PROJECT|VAULT_NAME|NAMESPACE|_PROXY$|_URL$|_HOST$|_PORT$|LEVEL|^TZ$|_PATH$|_FILE$/i;
/** Shorter values would blot out words that are no secrets. */
const SHORTEST = 5;

/** Knows the values of the secret variables of this process, those from files and the parts of those that have parts. */
export function redactor(environment: Environment, config: AgentConfig | undefined, readFile: ReadFile): Redact {
  const values = [
    ...secretTexts(environment, readFile).flatMap(parts),
    ...(config === undefined ? [] : ofConfig(config)),
  ];
  const known = [...new Set(values.flatMap((value) => [value, inJson(value)]))].filter(
    (value) => value.length >= SHORTEST,
  );
  // The longest first: one may be a part of another.
  known.sort((a, b) => b.length - a.length);
  return (text) => redactText(known.reduce((out, value) => out.replaceAll(value, MARK), text));
}

function secretTexts(environment: Environment, readFile: ReadFile): readonly string[] {
  const table: Readonly<Record<string, Variable>> = VARIABLES;
  const texts: string[] = [];
  for (const [name, raw = ''] of Object.entries(environment)) {
    const text = raw.trim();
    const variable = table[name] ?? table[name.toUpperCase()];
    const secret = variable === undefined ? NAMED_LIKE_A_SECRET.test(name) && !NO_VALUE.test(name) : variable.sensitive;
    if (secret === true && !isReference(text)) texts.push(text);
    const file = table[name.replace(/_FILE$/, '')];
    if (name.endsWith('_FILE') && file?.sensitive === true) texts.push(textOf(text, readFile));
  }
  return texts;
}

/** `production`, `metadata`: without such words nobody would understand the answer. */
const isWord = (text: string): boolean => /^[a-z]{1,11}$/.test(text);

/** Where a secret is kept, which is told everywhere. */
const isReference = (text: string): boolean => /^secret:\S+$/.test(text);

function textOf(path: string, readFile: ReadFile): string {
  try {
    return readFile(path).trim();
  } catch {
    return '';
  }
}

/** The text, and what stands in it that may be told alone: the token behind `Bearer`, user and password of a URL. */
function parts(text: string): readonly string[] {
  const found = [text, text.replace(/^Bearer\s+/i, '')];
  if (URL.canParse(text)) {
    const { username, password } = new URL(text);
    found.push(username, password, decoded(password), decoded(username));
  }
  return found;
}

function ofConfig({ token, executor, extraEnvs, server }: AgentConfig): readonly string[] {
  const argo = executor.type === 'argo' ? executor.server : undefined;
  const proxies = [server.proxies.secure, server.proxies.plain].flatMap((proxy) => proxy?.authorization ?? []);
  return [
    token.value.reveal(),
    ...(argo === undefined ? [] : [argo.token.value.reveal()]),
    ...extraEnvs.flatMap(({ name, value }) => {
      // A secret may stand behind any name: what is not known to be plain is taken for one.
      const isPlain = PLAIN.test(name) && !NAMED_LIKE_A_SECRET.test(name);
      if (isReference(value) || (isWord(value) && !NAMED_LIKE_A_SECRET.test(name))) return [];
      return isPlain ? parts(value).slice(2) : [value];
    }),
    ...proxies.flatMap(loginOf),
  ];
}

function loginOf(authorization: string): readonly string[] {
  const base64 = authorization.replace(/^Basic /, '');
  const plain = Buffer.from(base64, 'base64').toString('utf8');
  return [base64, plain, plain.slice(plain.indexOf(':') + 1)];
}

/** As it stands in a line of JSON, such as those of a log. */
const inJson = (text: string): string => JSON.stringify(text).slice(1, -1);

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Every text of a value of JSON, redacted. */
export function redactedJson<T>(value: T, redact: Redact): T {
  const walk = (part: unknown): unknown => {
    if (typeof part === 'string') return redact(part);
    if (Array.isArray(part)) return part.map(walk);
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([key, one]) => [redact(key), walk(one)]));
  };
  return walk(value) as T;
}
