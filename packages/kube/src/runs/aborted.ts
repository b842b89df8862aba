/** The compiler takes a property that was false once for false, and does not see that others abort it meanwhile. */
export function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
