import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

const KEPT_CHARACTERS = 4_000;

/** Keeps the end of what a program says, and tells each line. */
export function watchOutput(child: ChildProcess, line: (text: string) => void = () => undefined): () => string {
  let kept = '';
  let rest = '';
  const read = (chunk: Buffer): void => {
    const text = chunk.toString('utf8');
    kept = (kept + text).slice(-KEPT_CHARACTERS);
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const each of lines) line(each);
  };
  child.stdout?.on('data', read);
  child.stderr?.on('data', read);
  return () => kept;
}

/** Waits for a program to end; -1 when it could not be started or was killed. */
export async function outputOf(child: ChildProcess): Promise<{ readonly code: number; readonly text: string }> {
  const text = watchOutput(child);
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return { code: code ?? -1, text: text() };
  } catch (error) {
    return { code: -1, text: error instanceof Error ? error.message : text() };
  }
}
