import type { Socket, SocketListener } from '@runner/protocol';

/** What happens to the next frames of a direction: one word a frame, then they pass again. */
export type Tamper = 'pass' | 'drop' | 'duplicate';

/** A socket whose frames may be lost or doubled on their way out. */
export function tampered(socket: Socket, next: () => Tamper): Socket {
  return {
    send: (text) => {
      const what = next();
      if (what === 'drop') return;
      socket.send(text);
      if (what === 'duplicate') socket.send(text);
    },
    close: (code, reason) => socket.close(code, reason),
    terminate: () => socket.terminate(),
    get bufferedBytes() {
      return socket.bufferedBytes;
    },
    listen: (listener: SocketListener) => socket.listen(listener),
  };
}
