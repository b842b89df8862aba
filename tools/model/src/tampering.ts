import type { Socket, SocketListener } from '@runner/protocol';

/** What happens to the next frames of a direction: one word a frame, then they pass again. */
export type Tamper = 'pass' | 'drop' | 'duplicate' | 'late';

/** A socket whose frames, heartbeats aside, may be lost, doubled, or overtaken by the next one on their way out. */
export function tampered(socket: Socket, next: () => Tamper, dropped: (type: string) => void): Socket {
  let overtaken: string | undefined;
  return {
    send: (text) => {
      const { type } = JSON.parse(text) as { type: string };
      const what = type === 'ping' || type === 'pong' ? 'pass' : next();
      if (what === 'drop') {
        dropped(type);
        return;
      }
      if (what === 'late' && overtaken === undefined) {
        overtaken = text;
        return;
      }
      socket.send(text);
      if (what === 'duplicate') socket.send(text);
      // Not into the middle of a level or report, which would only end the session.
      if (overtaken === undefined || /^p[io]ng$|\.(?:begin|page)$/.test(type)) return;
      socket.send(overtaken);
      overtaken = undefined;
    },
    close: (code, reason) => socket.close(code, reason),
    terminate: () => socket.terminate(),
    get bufferedBytes() {
      return socket.bufferedBytes;
    },
    listen: (listener: SocketListener) => socket.listen(listener),
  };
}
