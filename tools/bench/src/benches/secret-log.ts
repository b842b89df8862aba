/** Values as people have them: passwords, tokens, a key of several lines. None of them opens anything. */
export function secretValues(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => {
    const core = Buffer.from(`not a real secret ${index * 7_919}`).toString('base64url');
    if (index % 10 === 0) return `-----BEGIN TEST KEY-----\n${core}\n${core.toUpperCase()}\n-----END TEST KEY-----\n`;
    return index % 3 === 0 ? `${core}/"${index}'$` : `p${index}-${core}`;
  });
}

const CHUNK_BYTES = 64 * 1024;
/** One line in so many tells a secret. */
const TELLING = 20;

/** A log in chunks that are cut anywhere, in which values stand as they are, in base64, in URLs, in JSON and in hex. */
export function logWithSecrets(values: readonly string[], bytes: number): readonly Buffer[] {
  const forms: readonly ((value: string) => string)[] = [
    (value) => value,
    (value) => Buffer.from(`user:${value}`).toString('base64'),
    (value) => encodeURIComponent(value),
    (value) => JSON.stringify({ password: value }),
    (value) => Buffer.from(value).toString('hex'),
  ];
  const lines: string[] = [];
  for (let size = 0, line = 0; size < bytes; line += 1) {
    const value = values[line % values.length] ?? '';
    const form = forms[line % forms.length] ?? String;
    const told = line % TELLING === 0 ? ` with ${form(value)}` : ' read 4711 rows of customers.orders in 12 ms';
    const text = `[2026-01-01 00:00:00] INFO {metadata.Ingestion:workflow:${line}} - processed table ${line}${told}\n`;
    lines.push(text);
    size += text.length;
  }
  const log = Buffer.from(lines.join(''));
  return Array.from({ length: Math.ceil(log.length / CHUNK_BYTES) }, (_, index) =>
    log.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES),
  );
}
