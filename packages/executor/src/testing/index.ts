/** For tests only: a working executor in memory, and the suite that every executor passes. */
export { fakeExecutor } from './fake-executor.ts';
export type { FakeExecutor, FakeExecutorOptions } from './fake-executor.ts';
export { fakePlace } from './fake-place.ts';
export type { FakePlace, FakePlaceOptions, SubmitFault } from './fake-place.ts';
export { executorContract } from './contract.ts';
export type { ExecutorContractOptions, ExecutorSubject, MakeSubject } from './contract.ts';
export { testRunSpec } from './run-spec.ts';
export { watched } from './watching.ts';
export type { Watched } from './watching.ts';
