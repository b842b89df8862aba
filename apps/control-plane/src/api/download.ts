import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** Sends text as a file, piece by piece: the whole is never in memory. */
export function sendDownload(reply: FastifyReply, filename: string, pieces: AsyncIterable<string>): FastifyReply {
  return reply
    .type('application/octet-stream')
    .header('content-disposition', `attachment; filename="${filename}"`)
    .send(Readable.from(pieces, { objectMode: false }));
}
