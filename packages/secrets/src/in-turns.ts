/**
 * Works on many things with so many under way at once, so that a long list does not take the memory of a long list of
 * calls. The first rejection is that of the whole; nothing is begun after it.
 * @returns the results in the order of the things
 */
export async function inTurns<T, R>(
  things: readonly T[],
  atOnce: number,
  work: (thing: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < things.length) {
      const at = next;
      next += 1;
      try {
        results[at] = await work(things[at] as T);
      } catch (error) {
        next = things.length;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, things.length) }, worker));
  return results;
}
