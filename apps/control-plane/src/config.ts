import type { LogLevel } from '@runner/core';
import { RunnerError, Secret } from '@runner/core';
import { join, resolve } from 'node:path';

/** The environment of the process, checked. README.md lists the variables. */
export interface Config {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly dataDir: string;
  /** Undefined: an embedded PostgreSQL in `dataDir`. */
  readonly databaseUrl: Secret | undefined;
  /** Base URL that workloads reach, without a slash at its end. Undefined: `http://HOST:PORT`. */
  readonly publicUrl: string | undefined;
  /** Announced to agents and workloads. */
  readonly openMetadataVersion: string;
  readonly adminTokenFile: string;
  readonly outsideJwksUrls: readonly string[];
  readonly logLevel: LogLevel;
  readonly logMaxBytes: number;
  readonly logRetentionDays: number;
  readonly runDeadlineSeconds: number;
  readonly runnerUnavailableSeconds: number;
  readonly plaintextSecrets: 'refuse' | 'warn' | 'allow';
  /** Requests a minute that one token, or one address without a token, may make. */
  readonly rateLimitPerMinute: number;
  readonly bodyLimitBytes: number;
}

/** The newest OpenMetadata release that the workload contract was checked with. */
export const DEFAULT_OPENMETADATA_VERSION = '1.13.3';

/** Every variable that `parseConfig` reads, in the order of README.md. */
export const CONTROL_PLANE_VARIABLES: readonly { readonly name: string }[] = [
  'HOST',
  'PORT',
  'DATA_DIR',
  'DATABASE_URL',
  'PUBLIC_URL',
  'OPENMETADATA_VERSION',
  'ADMIN_TOKEN_FILE',
  'OUTSIDE_JWKS_URLS',
  'LOG_LEVEL',
  'LOG_MAX_BYTES',
  'LOG_RETENTION_DAYS',
  'RUN_DEADLINE_SECONDS',
  'RUNNER_UNAVAILABLE_SECONDS',
  'PLAINTEXT_SECRETS',
  'RATE_LIMIT_PER_MINUTE',
  'BODY_LIMIT_BYTES',
].map((name) => ({ name }));

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the environment; a variable that is empty counts as unset. Throws `config_invalid` whose details list every problem,
 * each with the variable, what was read (never a secret) and how to put it right.
 */
export function parseConfig(env: Environment): Config {
  const read = createReader(env);
  const dataDir = resolve(read.text('DATA_DIR', '.runner/control-plane'));
  const config: Config = {
    host: read.text('HOST', '127.0.0.1'),
    port: read.integer('PORT', 8585, 0, 65_535),
    dataDir,
    databaseUrl: read.databaseUrl('DATABASE_URL'),
    publicUrl: read.baseUrl('PUBLIC_URL'),
    openMetadataVersion: read.version('OPENMETADATA_VERSION', DEFAULT_OPENMETADATA_VERSION),
    adminTokenFile: resolve(read.text('ADMIN_TOKEN_FILE', join(dataDir, 'admin-token'))),
    outsideJwksUrls: read.urls('OUTSIDE_JWKS_URLS'),
    logLevel: read.oneOf('LOG_LEVEL', ['debug', 'info', 'warn', 'error'], 'info'),
    logMaxBytes: read.integer('LOG_MAX_BYTES', 33_554_432, 4_194_304, 17_179_869_184),
    logRetentionDays: read.integer('LOG_RETENTION_DAYS', 30, 1, 3_650),
    runDeadlineSeconds: read.integer('RUN_DEADLINE_SECONDS', 7_200, 1, 31_536_000),
    runnerUnavailableSeconds: read.integer('RUNNER_UNAVAILABLE_SECONDS', 3_600, 1, 2_592_000),
    plaintextSecrets: read.oneOf('PLAINTEXT_SECRETS', ['refuse', 'warn', 'allow'], 'refuse'),
    rateLimitPerMinute: read.integer('RATE_LIMIT_PER_MINUTE', 6_000, 1, 1_000_000),
    bodyLimitBytes: read.integer('BODY_LIMIT_BYTES', 4_194_304, 65_536, 268_435_456),
  };
  if (read.problems.length > 0) throw invalid(read.problems);
  return config;
}

function invalid(problems: readonly string[]): RunnerError {
  return new RunnerError('config_invalid', `the environment cannot be used: ${problems.join('; ')}`, {
    details: { problems },
    hint: 'apps/control-plane/README.md describes every variable.',
  });
}

interface Reader {
  readonly problems: readonly string[];
  text(name: string, standard: string): string;
  integer(name: string, standard: number, least: number, most: number): number;
  oneOf<T extends string>(name: string, values: readonly T[], standard: T): T;
  version(name: string, standard: string): string;
  baseUrl(name: string): string | undefined;
  urls(name: string): readonly string[];
  databaseUrl(name: string): Secret | undefined;
}

function createReader(env: Environment): Reader {
  const problems: string[] = [];
  const raw = (name: string): string | undefined => {
    const value = env[name]?.trim();
    return value === '' ? undefined : value;
  };
  const wrong = (name: string, value: string, fix: string): void => {
    problems.push(`${name} is "${value.slice(0, 100)}": ${fix}`);
  };
  const httpUrl = (name: string, value: string): URL | undefined => {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    const good = url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
    // Not quoted: it may hold a password.
    if (!good) problems.push(`${name} is not a URL of the form https://host[:port][/path] without user and password`);
    return good ? url : undefined;
  };
  return {
    problems,
    text: (name, standard) => raw(name) ?? standard,
    integer: (name, standard, least, most) => {
      const value = raw(name);
      if (value === undefined) return standard;
      const number = Number(value);
      if (/^\d+$/.test(value) && number >= least && number <= most) return number;
      wrong(name, value, `use a whole number from ${least} to ${most}`);
      return standard;
    },
    oneOf: (name, values, standard) => {
      const value = raw(name)?.toLowerCase();
      if (value === undefined) return standard;
      const found = values.find((each) => each === value);
      if (found === undefined) wrong(name, value, `use one of ${values.join(', ')}`);
      return found ?? standard;
    },
    version: (name, standard) => {
      const value = raw(name) ?? standard;
      if (!/^\d+\.\d+(\.\d+){0,2}([-+][0-9A-Za-z.-]+)?$/.test(value))
        wrong(name, value, 'use a version such as 1.13.3');
      return value;
    },
    baseUrl: (name) => {
      const value = raw(name);
      const url = value === undefined ? undefined : httpUrl(name, value);
      return url === undefined ? undefined : `${url.origin}${url.pathname}`.replace(/\/+$/, '');
    },
    urls: (name) =>
      (raw(name) ?? '')
        .split(/[\s,]+/)
        .filter((value) => value !== '')
        .map((value) => httpUrl(name, value)?.href ?? ''),
    databaseUrl: (name) => {
      const value = raw(name);
      if (value === undefined) return undefined;
      const good = URL.canParse(value) && /^postgres(ql)?:$/.test(new URL(value).protocol);
      if (!good) problems.push(`${name} is not of the form postgres://user:password@host:port/database`);
      return new Secret(value);
    },
  };
}
