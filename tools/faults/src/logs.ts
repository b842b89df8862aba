import type { Api, Json } from './api.ts';
import { eventually } from './waiting.ts';

/** The largest chunk that OpenMetadata's pages of logs may have. */
export const CHUNK_BYTES = 983_040;

/** The log of a run as the user interface pages it, chunk by chunk. */
export async function readByPaging(api: Api, fqn: string, runId: string): Promise<readonly string[]> {
  const chunks: string[] = [];
  for (let after: unknown = undefined; ;) {
    const query = typeof after === 'string' ? `?after=${after}` : '';
    const page = await api.call('GET', `services/ingestionPipelines/logs/${encodeURIComponent(fqn)}/${runId}${query}`);
    chunks.push(textOf(page));
    after = page['after'];
    if (after === undefined) return chunks;
  }
}

/** The same, once its last chunk ends with this text. */
export function completeLog(api: Api, fqn: string, runId: string, end: string): Promise<readonly string[]> {
  const look = async (): Promise<readonly string[] | undefined> => {
    const last = await lastChunk(api, fqn, runId);
    return last.endsWith(end) ? readByPaging(api, fqn, runId) : undefined;
  };
  return eventually(`the log of ${runId} is stored`, look, 100_000);
}

async function lastChunk(api: Api, fqn: string, runId: string): Promise<string> {
  const path = `services/ingestionPipelines/logs/${encodeURIComponent(fqn)}/${runId}`;
  const { total } = await api.call('GET', path);
  const index = Math.max(0, Number(total) - 1);
  return textOf(await api.call('GET', `${path}?after=${index}`));
}

function textOf({ ingestion_task: text }: Json): string {
  return typeof text === 'string' ? text : '';
}

/** A stream of a log: nothing is taken from the connection until somebody asks for the next event. */
export async function* logEvents(api: Api, fqn: string, runId: string): AsyncGenerator<Json, void> {
  const path = `services/ingestionPipelines/logs/${encodeURIComponent(fqn)}/stream/${runId}`;
  const response = await api.open(path);
  if (response.status !== 200 || response.body === null) throw new Error(`the stream was answered ${response.status}`);
  let rest = '';
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.startsWith('data: ')) yield JSON.parse(line.slice(6)) as Json;
  }
}

/** Everything that is left of a stream, which has to end as complete. */
export async function restOf(events: AsyncGenerator<Json, void>): Promise<string> {
  let text = '';
  for await (const event of events) {
    if (event['eventType'] === 'complete') return text;
    if (event['eventType'] !== 'logs') throw new Error(`the stream says ${JSON.stringify(event)}`);
    text += String(event['logs']);
  }
  throw new Error('the stream was cut');
}
