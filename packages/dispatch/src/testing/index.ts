/** For tests only: a reporter that remembers. */
export { recordingReporter } from './reporter.ts';
export type { RecordingReporter, Said } from './reporter.ts';
