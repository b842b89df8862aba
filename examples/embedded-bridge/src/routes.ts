import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { isRunnerError } from '@runner/core';
import { LIMITS, runStartSchema } from '@runner/protocol';
import type { Bridge, MemoryRunBook } from '@runner/protocol/server';

/**
 * `POST /agents/{agentId}/runs` with a run submits it, `GET /runs/{runId}` shows it, `DELETE /runs/{runId}` cancels it,
 * `GET /runs/{runId}/log` streams its log.
 */
export function routes(runs: MemoryRunBook, bridge: Bridge): RequestListener {
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, kind, id, more] = (request.url ?? '').split('/').map(decodeURIComponent);
    const isRun = kind === 'runs' && id !== undefined && (more === undefined || more === 'log');
    const row = isRun ? await runs.get(id) : undefined;
    if (request.method === 'POST' && kind === 'agents' && id !== undefined && more === 'runs') {
      const run = runStartSchema.parse(await bodyOf(request));
      const submitted = runs.submit(run, id);
      bridge.nudge(id);
      answer(response, 201, submitted);
    } else if (row === undefined) {
      answer(response, 404, { message: 'There is nothing here.' });
    } else if (request.method === 'GET' && more === 'log') {
      await sendLog(bridge, row, response);
    } else if (request.method === 'GET') {
      answer(response, 200, row);
    } else if (request.method === 'DELETE') {
      answer(response, 202, runs.cancel(row.runId));
      bridge.nudge(row.agentId);
    } else {
      answer(response, 405, { message: 'Not like this.' });
    }
  };
  return (request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else if (isRunnerError(error, 'already_exists')) answer(response, 409, error);
      else answer(response, 400, { message: 'This cannot be understood.' });
    });
  };
}

async function sendLog(
  bridge: Bridge,
  row: { agentId: string; runId: string },
  response: ServerResponse,
): Promise<void> {
  const reader = new AbortController();
  response.once('close', () => reader.abort());
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
  const ask = { runId: row.runId, fromByte: 0, follow: true, signal: reader.signal };
  for await (const piece of bridge.readLog(row.agentId, ask)) {
    // Cut off (session lost, agent away) must not look complete; a real service stores what came and reads on from there.
    if (piece.kind === 'end' && piece.reason !== 'complete') return void response.destroy();
    if (piece.kind === 'gap') response.write('\n[a part of the log is gone]\n');
    // Waiting here holds up this stream at its agent, and no other.
    else if (piece.kind === 'chunk' && !response.write(piece.data)) await drained(response);
  }
  response.end();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    response.once('drain', resolve);
    response.once('close', resolve);
  });
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const part of request.setEncoding('utf8') as AsyncIterable<string>) {
    text += part;
    if (text.length > LIMITS.frameBytes) throw new Error('the body is too large');
  }
  return JSON.parse(text);
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}
