import { kubeError } from '../errors.ts';

const NEWLINE = 0x0a;
const BRACE = 0x7b;

/**
 * Cuts bytes into lines, each a JSON object, without their ends, wherever chunks begin and end. Each byte is looked at once, and a line is
 * decoded only when it is whole, so a character that lies across two chunks stays one. Empty lines are left out.
 * @param longest bytes; a longer line is `kube_protocol`, before it takes more memory
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, longest: number): AsyncGenerator<string> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      const part = chunk.subarray(from, end);
      checkLength(heldBytes + part.length, longest);
      const line = heldBytes === 0 ? textOf(part) : textOf(Buffer.concat([...held, part]));
      held = [];
      heldBytes = 0;
      from = end + 1;
      if (line !== '' && line !== '\r') yield line;
    }
    if (from < chunk.length) {
      const rest = chunk.subarray(from);
      held.push(rest);
      heldBytes += rest.length;
      checkLength(heldBytes, longest);
    }
  }
  if (heldBytes > 0) throw unfinished(held[0]?.[0]);
}

/** The answer ended within a line: half an object was cut off, anything else never was one. */
function unfinished(firstByte: number | undefined): Error {
  if (firstByte === BRACE) return kubeError('kube_unreachable', 'the connection was closed in the middle of a line');
  return kubeError('kube_protocol', 'the answer is not JSON', {
    hint: 'Check the address of the API server; a proxy may answer there.',
  });
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

function checkLength(bytes: number, longest: number): void {
  if (bytes <= longest) return;
  throw kubeError('kube_protocol', `a line is longer than ${longest} bytes`, {
    hint: 'Is the server a Kubernetes API? Its objects are not that large.',
  });
}
