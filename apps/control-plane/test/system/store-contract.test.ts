import { afterAll, beforeAll } from 'vitest';
import type { TestPostgres } from '../support/postgres.ts';
import { random, testPostgres } from '../support/postgres.ts';
import { storeContract } from '../support/store-contract.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await testPostgres();
});
afterAll(() => postgres[Symbol.asyncDispose]());

storeContract('PostgreSQL', (clock) => postgres.store({ clock, random, poolSize: 10, leaseNow: () => clock.now() }));
