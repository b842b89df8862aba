import { resolve } from 'node:path';
import { inspect } from 'node:util';
import { isRunnerError } from '@runner/core';
import { describe, expect, test } from 'vitest';
import type { Environment } from '../../src/config.ts';
import { CONTROL_PLANE_VARIABLES, parseConfig } from '../../src/config.ts';

function problemsOf(env: Environment): readonly string[] {
  try {
    parseConfig(env);
    return [];
  } catch (error) {
    if (!isRunnerError(error, 'config_invalid')) throw error;
    return error.details['problems'] as string[];
  }
}

describe('the configuration', () => {
  test('has a default for everything', () => {
    expect(parseConfig({})).toEqual({
      host: '127.0.0.1',
      port: 8585,
      dataDir: resolve('.runner/control-plane'),
      databaseUrl: undefined,
      publicUrl: undefined,
      openMetadataVersion: '1.13.3',
      adminTokenFile: resolve('.runner/control-plane/admin-token'),
      outsideJwksUrls: [],
      logLevel: 'info',
      logMaxBytes: 33_554_432,
      logRetentionDays: 30,
      runDeadlineSeconds: 7_200,
      runnerUnavailableSeconds: 3_600,
      plaintextSecrets: 'refuse',
      rateLimitPerMinute: 6_000,
      bodyLimitBytes: 4_194_304,
    });
  });

  test('reads what is set, and takes the empty text for unset', () => {
    const config = parseConfig({
      PORT: '0',
      HOST: ' 0.0.0.0 ',
      DATA_DIR: '/var/lib/runner',
      DATABASE_URL: 'postgresql://u:not-a-real-secret@db/om',
      PUBLIC_URL: 'https://om.example.com/runner/',
      OUTSIDE_JWKS_URLS: 'https://a.example.com/jwks, https://b.example.com/jwks',
      LOG_LEVEL: 'DEBUG',
      PLAINTEXT_SECRETS: 'warn',
      OPENMETADATA_VERSION: '',
    });
    expect(config).toMatchObject({
      port: 0,
      host: '0.0.0.0',
      dataDir: '/var/lib/runner',
      adminTokenFile: '/var/lib/runner/admin-token',
      publicUrl: 'https://om.example.com/runner',
      outsideJwksUrls: ['https://a.example.com/jwks', 'https://b.example.com/jwks'],
      logLevel: 'debug',
      plaintextSecrets: 'warn',
      openMetadataVersion: '1.13.3',
    });
    expect(config.databaseUrl?.reveal()).toContain('@db/om');
    expect(inspect(config)).not.toContain('not-a-real-secret');
  });

  test('reads exactly the variables that it says it reads', () => {
    const asked = new Set<string>();
    parseConfig(
      new Proxy<Record<string, string>>(
        {},
        {
          get: (_target, variable) => {
            asked.add(String(variable));
            return undefined;
          },
        },
      ),
    );
    expect([...asked].sort()).toEqual(CONTROL_PLANE_VARIABLES.map(({ name }) => name).sort());
  });

  test('says everything that is wrong at once, with the variable and the way to put it right', () => {
    const problems = problemsOf({
      PORT: '70000',
      LOG_LEVEL: 'loud',
      LOG_MAX_BYTES: '1e6',
      PUBLIC_URL: 'ftp://x',
      OPENMETADATA_VERSION: 'latest',
      RUN_DEADLINE_SECONDS: '-1',
    });
    expect(problems).toEqual([
      'PORT is "70000": use a whole number from 0 to 65535',
      'PUBLIC_URL is not a URL of the form https://host[:port][/path] without user and password',
      'OPENMETADATA_VERSION is "latest": use a version such as 1.13.3',
      'LOG_LEVEL is "loud": use one of debug, info, warn, error',
      'LOG_MAX_BYTES is "1e6": use a whole number from 4194304 to 17179869184',
      'RUN_DEADLINE_SECONDS is "-1": use a whole number from 1 to 31536000',
    ]);
  });

  test('quotes no URL that may hold a password', () => {
    const problems = problemsOf({
      DATABASE_URL: 'mysql://u:not-a-real-secret@db/om',
      PUBLIC_URL: 'https://u:not-a-real-secret@host',
      OUTSIDE_JWKS_URLS: 'https://u:not-a-real-secret@host/jwks',
    });
    expect(problems).toHaveLength(3);
    expect(problems.join()).not.toContain('not-a-real-secret');
  });
});
