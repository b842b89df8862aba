import type { TestClock } from '@runner/core/testing';
import { testClock } from '@runner/core/testing';
import { describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/ports.ts';
import { entityContract } from './store-contract/entities.ts';
import { logContract } from './store-contract/logs.ts';
import { runContract } from './store-contract/runs.ts';
import { smallTablesContract } from './store-contract/small-tables.ts';

/** What a suite of the contract is given: one store for all its tests, which use ids of their own. */
export interface StoreUnderTest {
  readonly store: Store;
  readonly clock: TestClock;
}

/**
 * What every Store does, whatever it is made of. `make` is called once; its store is closed at the end.
 * @param make a new, empty store that takes its time from this clock
 */
export function storeContract(name: string, make: (clock: TestClock) => Promise<Store>): void {
  describe(`store contract: ${name}`, () => {
    const clock = testClock();
    let made: Promise<Store> | undefined;
    const store = (): Promise<Store> => (made ??= make(clock));
    const under = async (): Promise<StoreUnderTest> => ({ store: await store(), clock });

    entityContract(under);
    runContract(under);
    smallTablesContract(under);
    logContract(under);

    test('says that it is ready', async () => {
      await expect((await store()).ping()).resolves.toBeUndefined();
    });

    test('closes once everything is done', async () => {
      await (await store()).close();
    });
  });
}
