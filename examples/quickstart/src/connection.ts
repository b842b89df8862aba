import { RunnerError, Secret } from '@runner/core';
import type { SecretResolver } from '@runner/secrets';
import { maskedFieldsOf } from '@runner/secrets';
import type { Json } from './input.ts';
import { objectIn, textIn } from './input.ts';

/** Where the database is and how to enter it. */
export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly password: Secret | undefined;
  readonly tls: 'off' | 'unverified' | { readonly ca: string | undefined };
}

function invalid(message: string, hint?: string): RunnerError {
  return new RunnerError('quickstart_connection', message, hint === undefined ? {} : { hint });
}

/**
 * A connection of type Postgres as the service stores it, its references resolved in the masked fields only, as the
 * ingestion library does.
 */
export async function readConnection(stored: Json, resolver: SecretResolver, signal: AbortSignal): Promise<Connection> {
  const type = textIn(stored['type']) ?? 'Postgres';
  if (type.toLowerCase() !== 'postgres') {
    throw invalid(
      `this small ingestion reads PostgreSQL, not ${type}`,
      'set INGESTION_COMMAND to the Python ingestion',
    );
  }
  const resolved = await resolver.resolveConfig(stored, {
    signal,
    pointers: maskedFieldsOf('database/postgres') ?? [],
  });
  const config = resolved.reveal();
  const password = textIn(objectIn(config['authType'])['password']);
  if (password !== undefined && /^\*+$/.test(password)) {
    throw invalid('the server gave a masked password', 'the token of this run must be allowed to read its service');
  }
  return {
    ...hostAndPort(textIn(config['hostPort'])),
    user: textIn(config['username']) ?? 'postgres',
    database: textIn(config['database']) ?? 'postgres',
    password: password === undefined ? undefined : new Secret(password),
    tls: tlsOf(textIn(config['sslMode']), textIn(objectIn(config['sslConfig'])['caCertificate'])),
  };
}

function hostAndPort(hostPort: string | undefined): { host: string; port: number } {
  const match = /^(?:\[([0-9a-f:.%]+)\]|([^:/\s[\]]+))(?::(\d{1,5}))?$/i.exec(hostPort ?? '');
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? 5_432);
  if (host === undefined || port < 1 || port > 65_535) {
    throw invalid('hostPort of the connection is missing or wrong', 'write it as host:5432');
  }
  return { host, port };
}

function tlsOf(mode: string | undefined, ca: string | undefined): Connection['tls'] {
  if (mode === 'verify-ca' || mode === 'verify-full') return { ca };
  return mode === 'require' ? 'unverified' : 'off';
}
