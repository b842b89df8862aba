import type { LogRecord, Logger } from '../logger.ts';
import { createLogger } from '../logger.ts';

/** A Logger that remembers, for tests that read what was said. */
export function recordingLogger(): Logger & { readonly records: readonly LogRecord[]; text(): string } {
  const records: LogRecord[] = [];
  const logger = createLogger((record) => records.push(record));
  return { ...logger, records, text: () => records.map((r) => JSON.stringify(r)).join('\n') };
}
