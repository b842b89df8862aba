/** Whether the signal is aborted now. The compiler takes a property that was false once for false, and does not see that others abort it. */
export function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
