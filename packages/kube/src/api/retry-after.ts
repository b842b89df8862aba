/**
 * Seconds a Retry-After header asks for: a number, or a date. Undefined where there is none or it makes no sense.
 * @param now wall clock, milliseconds
 */
export function retryAfterSeconds(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text);
  // Node reads numbers of any kind as years; dates of HTTP begin with the day of the week.
  const at = /^[A-Za-z]/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now) / 1000));
}
