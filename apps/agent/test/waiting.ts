/** Something that tells when it may have changed. */
export interface Changes {
  /** Calls back after each change; returns the function that ends it. */
  onChange(listener: () => void): () => void;
}

/** Resolves with the first value that is not undefined, looked for now and after each change; rejects at the deadline. */
export function until<T>(what: string, changes: Changes, look: () => T | undefined, withinMs = 60_000): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      stop();
      reject(new Error(`waited ${withinMs} ms in vain for: ${what}`));
    }, withinMs);
    const check = (): void => {
      const found = look();
      if (found === undefined) return;
      clearTimeout(timer);
      stop();
      resolve(found);
    };
    const stop = changes.onChange(check);
    check();
  });
}

/** A set of listeners. */
export function changes(): Changes & { readonly changed: () => void } {
  const listeners = new Set<() => void>();
  return {
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    changed: () => {
      for (const listener of [...listeners]) listener();
    },
  };
}
