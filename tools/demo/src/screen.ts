/** Where the demo writes: one live line on a terminal, plain lines elsewhere. */
export interface Screen {
  /** A line that stays. */
  say(text: string): void;
  /** The line that is replaced by the next one. Elsewhere than on a terminal it is dropped. */
  live(text: string): void;
}

export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const ERASE = '\r\u001b[2K';

export function createScreen(output: Output): Screen {
  const isTerminal = output.isTTY === true;
  let live = false;
  const erase = (): void => {
    if (live) output.write(ERASE);
    live = false;
  };
  return {
    say: (text) => {
      erase();
      output.write(`${printable(text)}\n`);
    },
    live: (text) => {
      if (!isTerminal) return;
      erase();
      output.write(printable(text).slice(0, widthOf(output)));
      live = true;
    },
  };
}

/** Some terminals do not know their width and say 0. */
function widthOf({ columns = 0 }: Output): number {
  return Math.max(20, (columns > 0 ? columns : 80) - 1);
}

/** Log lines come from a workload: what could move the cursor is taken out. */
function printable(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n]/gu, ' ');
}
