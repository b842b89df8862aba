/** The room that knows SQL. Everybody else uses ports.ts. */
export { createStore } from './create-store.ts';
export type { PostgresStore, StoreOptions } from './create-store.ts';
export { startEmbeddedPostgres } from './embedded/embedded-postgres.ts';
export type { EmbeddedPostgres } from './embedded/embedded-postgres.ts';
