import { DEFAULT_ENV_PREFIX } from '../env-provider.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where OpenMetadata's configurations keep a token; the config of a run carries the token of the run. */
const TOKEN_KEY = 'jwtToken';
/** Deeper JSON is not looked into; no configuration is. */
const DEEPEST = 64;

/**
 * Secrets that stand in an environment as they are: the tokens in the JSON of `config`, and with the provider `env` all of
 * its variables. A program that prints its environment, or fails with it in hand, tells them too.
 */
export function secretsInEnvironment(environment: Environment, provider: string | undefined): readonly string[] {
  const variables = provider === 'env' ? Object.entries(environment) : [];
  const values = variables.flatMap(([name, value]) => (name.startsWith(DEFAULT_ENV_PREFIX) ? [value ?? ''] : []));
  return [...values, ...tokensIn(parsed(environment['config']))].filter((value) => value !== '');
}

function tokensIn(value: unknown, depth = 0): readonly string[] {
  if (typeof value !== 'object' || value === null || depth > DEEPEST) return [];
  return Object.entries(value).flatMap(([key, item]: [string, unknown]) =>
    key === TOKEN_KEY && typeof item === 'string' ? [item] : tokensIn(item, depth + 1),
  );
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return undefined;
  }
}
