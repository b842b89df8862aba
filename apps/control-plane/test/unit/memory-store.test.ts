import { memoryStore } from '../support/memory-store.ts';
import { storeContract } from '../support/store-contract.ts';

storeContract('in memory, for tests', (clock) => Promise.resolve(memoryStore(clock)));
