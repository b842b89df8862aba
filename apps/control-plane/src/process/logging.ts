import type { LogLevel, Logger } from '@runner/core';
import { createLogger } from '@runner/core';
import { pino } from 'pino';
import type { DestinationStream } from 'pino';

/** The Logger port over pino: one JSON object a line, texts redacted before pino sees them. */
export function pinoLogger(level: LogLevel, destination: DestinationStream): Logger {
  const sink = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'message',
    },
    destination,
  );
  return createLogger((record) => sink[record.level](record.context, record.message));
}
