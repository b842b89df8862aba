/** A close frame carries at most 125 bytes, two of them the code. */
const MAX_REASON_BYTES = 123;

/** A close reason that fits its frame, cut at a character. */
export function shortReason(reason: string): string {
  if (Buffer.byteLength(reason) <= MAX_REASON_BYTES) return reason;
  return new TextDecoder().decode(Buffer.from(reason).subarray(0, MAX_REASON_BYTES), { stream: true });
}
