import type { Socket } from '@runner/protocol';

export interface Ear {
  readonly frames: { readonly text: string | undefined; readonly bytes: number }[];
  readonly endings: { readonly code: number; readonly reason: string }[];
  /** Resolves as soon as the condition holds; looked at after everything that is heard. */
  until(condition: (ear: Ear) => boolean, deadlineMs?: number): Promise<void>;
}

/** Listens to a socket and remembers everything. */
export function ear(socket: Socket): Ear {
  const waiters = new Set<() => void>();
  const look = (): void => waiters.forEach((waiter) => waiter());
  const heard: Ear = {
    frames: [],
    endings: [],
    until: (condition, deadlineMs = 10_000) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiters.delete(check);
          reject(new Error(`not heard in time; heard ${JSON.stringify(summary(heard))}`));
        }, deadlineMs);
        const check = (): void => {
          if (!condition(heard)) return;
          clearTimeout(timer);
          waiters.delete(check);
          resolve();
        };
        waiters.add(check);
        check();
      }),
  };
  socket.listen({
    message: (text, bytes) => {
      heard.frames.push({ text, bytes });
      look();
    },
    closed: (code, reason) => {
      heard.endings.push({ code, reason });
      look();
    },
  });
  return heard;
}

const summary = (heard: Ear): unknown => ({
  frames: heard.frames.map(({ text }) => text?.slice(0, 100)),
  endings: heard.endings,
});
