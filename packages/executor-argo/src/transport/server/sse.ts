import { kubeError } from '@runner/kube';

const NEWLINE = 0x0a;
/**
 * Milliseconds for which a stream may take to begin: Argo sends the head of its answer with the first event, or with its
 * first sign of life after 15 s.
 */
export const OPEN_TIMEOUT_MS = 45_000;
/** Longest event, in bytes: a Workflow of 1.5 MiB is larger as JSON. */
const LONGEST = 16 * 1024 * 1024;

/**
 * The data of server-sent events, as many at once as came at once. Comments (`:`, Argo's sign of life every 15 s) and the
 * other fields are left out; Argo writes each event's data into one line. Without SSE (Argo before 3.0, proxies that change
 * the accepted type) the same objects come as plain lines, which is understood too.
 */
export async function* sseData(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<readonly string[]> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const from = rest.length;
    const bytes = from === 0 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length) : Buffer.concat([rest, chunk]);
    const end = bytes.lastIndexOf(NEWLINE);
    // A chunk without a line end adds to a line that was long already.
    if (end === -1 || end < from) {
      rest = bytes;
    } else {
      rest = bytes.subarray(end + 1);
      const found = bytes.toString('utf8', 0, end).split('\n').flatMap(dataOf);
      if (found.length > 0) yield found;
    }
    if (rest.length > LONGEST) throw kubeError('kube_protocol', `a line is longer than ${LONGEST} bytes`);
  }
  const last = dataOf(rest.toString('utf8'));
  if (last.length > 0) yield last;
}

function dataOf(line: string): readonly string[] {
  const text = line.startsWith('data:') ? line.slice('data:'.length).trim() : line.trim();
  if (text === '' || text.startsWith(':') || /^(?:event|id|retry):/.test(text)) return [];
  return [text];
}
