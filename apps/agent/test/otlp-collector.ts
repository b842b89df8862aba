import { changes, until } from './waiting.ts';
import { testServer } from './servers.ts';

/** A span as it came over the wire, ids in hex. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly events: readonly string[];
}

/** A collector that takes traces over HTTP, as protobuf. */
export interface TestCollector extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly { readonly path: string; readonly headers: Readonly<Record<string, unknown>> }[];
  readonly spans: readonly CollectedSpan[];
  /** All bytes that came. */
  text(): string;
  untilSpan(): Promise<CollectedSpan>;
}

export async function testCollector(): Promise<TestCollector> {
  const news = changes();
  const requests: { path: string; headers: Record<string, unknown> }[] = [];
  const spans: CollectedSpan[] = [];
  let all = '';
  const server = await testServer(undefined, (request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts);
      requests.push({ path: request.url ?? '', headers: request.headers });
      spans.push(...spansIn(body));
      all += body.toString('latin1');
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
      news.changed();
    });
  });
  return {
    url: server.url,
    requests,
    spans,
    text: () => all,
    untilSpan: () => until('a span', news, () => spans[0]),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Numbers of fields of `opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest` and what it holds. */
function spansIn(body: Buffer): readonly CollectedSpan[] {
  const scopes = fieldsOf(body, 1).flatMap((resource) => fieldsOf(resource, 2));
  return scopes
    .flatMap((scope) => fieldsOf(scope, 2))
    .map((span) => {
      const hex = (field: number): string => fieldsOf(span, field)[0]?.toString('hex') ?? '';
      return {
        traceId: hex(1),
        spanId: hex(2),
        parentSpanId: hex(4),
        name: textOf(span, 5),
        attributes: Object.fromEntries(
          fieldsOf(span, 9).map((pair) => [textOf(pair, 1), textOf(fieldsOf(pair, 2)[0] ?? Buffer.of(), 1)]),
        ),
        events: fieldsOf(span, 11).map((event) => textOf(event, 2)),
      };
    });
}

function textOf(message: Buffer, field: number): string {
  return fieldsOf(message, field)[0]?.toString('utf8') ?? '';
}

/** The values of one field of a protobuf message, where they are texts, bytes or messages. */
function fieldsOf(message: Buffer, wanted: number): readonly Buffer[] {
  const found: Buffer[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message.readUInt8(at);
      at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const [field, type] = [Math.floor(tag / 8), tag % 8];
    if (type === 0) varint();
    else if (type === 1) at += 8;
    else if (type === 5) at += 4;
    else {
      const length = varint();
      if (field === wanted) found.push(message.subarray(at, at + length));
      at += length;
    }
  }
  return found;
}
