/** Tells every listener of this process, after the publisher's own turn. */
export function memoryChannel<T>(): {
  publish: (event: T) => Promise<void>;
  subscribe: (listener: (event: T) => void, gap: () => void) => () => void;
} {
  const listeners = new Set<(event: T) => void>();
  return {
    publish: async (event) => {
      await Promise.resolve();
      for (const listener of listeners) listener(event);
    },
    subscribe: (listener) => {
      const own = (event: T): void => listener(event);
      listeners.add(own);
      return () => listeners.delete(own);
    },
  };
}
