import type { Socket, SocketListener } from '@runner/protocol';

type Side = 'agent' | 'control plane';

interface Frame {
  readonly epoch: number;
  readonly text: string;
}

const REMEMBERED = 300;

/** Frames about runs that were once sent, by who sent them. */
export class Spoken {
  readonly #frames: Readonly<Record<Side, Frame[]>> = { agent: [], 'control plane': [] };

  add(from: Side, text: string): void {
    const { epoch } = JSON.parse(text) as { epoch?: number };
    const frames = this.#frames[from];
    if (epoch === undefined) return;
    frames.push({ epoch, text });
    if (frames.length > REMEMBERED) frames.shift();
  }

  /** One that was said under an older epoch. */
  old(from: Side, epoch: number, which: number): string | undefined {
    const older = this.#frames[from].filter((frame) => frame.epoch < epoch && !frame.text.includes('"welcome"'));
    return older[which % Math.max(1, older.length)]?.text;
  }
}

/** A socket whose frames are remembered as they are sent; `onListen` is given a way to hand it a frame. */
export function overhead(
  socket: Socket,
  spoken: Spoken,
  from: Side,
  onListen: (deliver: (text: string) => void) => void,
): Socket {
  return {
    send: (text) => {
      spoken.add(from, text);
      socket.send(text);
    },
    close: (code, reason) => socket.close(code, reason),
    terminate: () => socket.terminate(),
    get bufferedBytes() {
      return socket.bufferedBytes;
    },
    listen: (listener: SocketListener) => {
      let open = true;
      onListen((text) => open && listener.message(text, Buffer.byteLength(text)));
      socket.listen({
        message: (text, bytes) => listener.message(text, bytes),
        closed: (code, reason) => {
          open = false;
          listener.closed(code, reason);
        },
      });
    },
  };
}
