export { createLocalExecutor } from './local-executor.ts';
export type { LocalExecutor } from './local-executor.ts';
export type { LocalExecutorObserver, LocalExecutorOptions } from './options.ts';
export { DEFAULT_ALLOWED } from './environment.ts';
export type { NamePattern } from './environment.ts';
export type { SupervisorCommand } from './launch.ts';
export { superviseRun } from './supervisor/supervise.ts';
export type { ProcessEntry, ProcessIdentity, ProcessTable } from './process-table.ts';
