import type { SQL } from 'drizzle-orm';
import { sql } from 'drizzle-orm';

/** The clock that leases are measured with, as an SQL expression in epoch milliseconds. */
export type LeaseTime = () => SQL<number>;

/** The database's own clock: replicas on different hosts may disagree about the time by more than a lease lasts. */
export const databaseTime: LeaseTime = () =>
  sql`(extract(epoch from clock_timestamp()) * 1000)::bigint`.mapWith(Number);

/** A clock of this process, for tests that move time. */
export const processTime =
  (now: () => number): LeaseTime =>
  () =>
    sql`${Math.floor(now())}::bigint`.mapWith(Number);
