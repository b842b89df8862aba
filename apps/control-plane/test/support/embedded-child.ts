import { startEmbeddedPostgres } from '../../src/store/index.ts';
import { clock, random } from './postgres.ts';

/** A process that starts an embedded PostgreSQL, says its pid, and waits to be killed. */
const server = await startEmbeddedPostgres({ folder: process.argv[2] ?? '', clock, random });
process.stdout.write(`${server.pid}\n`);
setInterval(() => undefined, 60_000);
