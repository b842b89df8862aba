import { gunzipSync } from 'node:zlib';
import { RunnerError, redactText } from '@runner/core';
import { z } from 'zod';
import { cleanText } from './request-hygiene.ts';

/** What the ingestion library ships: text, or a batch of lines. */
export const logBodySchema = z.union([
  z.string(),
  z
    .looseObject({
      logs: z.string(),
      timestamp: z.number().nullish(),
      connectorId: z.string().nullish(),
      compressed: z.boolean().nullish().describe('logs is base64 of gzip'),
      lineCount: z.number().nullish(),
    })
    .meta({ id: 'LogBatch' }),
]);

/** Longest text of one batch, unpacked. */
const LONGEST_BATCH_BYTES = 16 * 1024 * 1024;

/** The lines of a batch as they are stored: unpacked, without credentials, ending in a line break. */
export function batchText(body: z.infer<typeof logBodySchema>): string {
  const raw = typeof body === 'string' ? body : body.compressed === true ? unpacked(body.logs) : body.logs;
  const text = redactText(cleanText(raw));
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

function unpacked(base64: string): string {
  try {
    return gunzipSync(Buffer.from(base64, 'base64'), { maxOutputLength: LONGEST_BATCH_BYTES }).toString('utf8');
  } catch (error) {
    throw new RunnerError('invalid_request', 'the compressed logs cannot be unpacked, or are too long', {
      hint: `send base64 of gzip, at most ${LONGEST_BATCH_BYTES} bytes when unpacked`,
      cause: error,
    });
  }
}
