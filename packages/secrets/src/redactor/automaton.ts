import type { Buffer } from 'node:buffer';

/**
 * All patterns in one table: each byte of a text is looked at once, however many patterns there are (Aho and Corasick).
 * Bytes that no pattern holds share one column.
 */
export interface Automaton {
  /** Columns of the table. */
  readonly width: number;
  /** Column of each byte. */
  readonly columns: Uint8Array;
  /** Next state × width, by state × width + column: states are kept multiplied. */
  readonly next: Int32Array;
  /** By state: length of the longest end of what was read that some pattern begins with. */
  readonly depth: Int32Array;
  /** By state: length of the longest pattern that ends here; 0 for none. */
  readonly matched: Int32Array;
  /** By state: indexes of the patterns that end here and go on elsewhere (see `heads`). */
  readonly heads: ReadonlyMap<number, readonly number[]>;
}

/**
 * @param patterns bytes to find; empty ones are left out
 * @param isHead whether a pattern is only the beginning of something longer
 */
export function buildAutomaton(patterns: readonly Buffer[], isHead: (index: number) => boolean): Automaton {
  const { columns, width } = columnsOf(patterns);
  const most = patterns.reduce((sum, pattern) => sum + pattern.length, 1);
  const trie = { next: new Int32Array(most * width).fill(-1), states: 1 };
  const depth = new Int32Array(most);
  const matched = new Int32Array(most);
  const heads = new Map<number, number[]>();
  patterns.forEach((pattern, index) => {
    if (pattern.length === 0) return;
    const state = insert(pattern, trie, columns, width, depth);
    matched[state] = pattern.length;
    if (isHead(index)) heads.set(state, [...(heads.get(state) ?? []), index]);
  });
  const next = trie.next.subarray(0, trie.states * width);
  connect(next, width, matched, heads);
  return { width, columns, next, depth, matched, heads };
}

function columnsOf(patterns: readonly Buffer[]): { readonly columns: Uint8Array; readonly width: number } {
  const used = new Uint8Array(256);
  for (const pattern of patterns) for (const byte of pattern) used[byte] = 1;
  const columns = new Uint8Array(256);
  let width = 1;
  // With all 256 bytes in use, the shared column would be the 257th: one byte may keep it, as nothing else does.
  used.forEach((isUsed, byte) => {
    if (isUsed === 1 && width < 256) columns[byte] = width++;
  });
  return { columns, width };
}

interface Trie {
  readonly next: Int32Array;
  states: number;
}

function insert(pattern: Buffer, trie: Trie, columns: Uint8Array, width: number, depth: Int32Array): number {
  let state = 0;
  pattern.forEach((byte, at) => {
    const cell = state * width + (columns[byte] ?? 0);
    let to = trie.next[cell] ?? -1;
    if (to < 0) {
      to = trie.states++;
      trie.next[cell] = to;
      depth[to] = at + 1;
    }
    state = to;
  });
  return state;
}

/** Breadth first: where a pattern does not go on, the longest other one that may have begun does. */
function connect(next: Int32Array, width: number, matched: Int32Array, heads: Map<number, number[]>): void {
  const states = next.length / width;
  const fallback = new Int32Array(states);
  const queue = new Int32Array(states);
  let [read, written] = [0, 0];
  for (let column = 0; column < width; column++) {
    const to = next[column] ?? -1;
    if (to > 0) queue[written++] = to;
    next[column] = Math.max(to, 0) * width;
  }
  while (read < written) {
    const state = queue[read++] ?? 0;
    const shorter = fallback[state] ?? 0;
    matched[state] = Math.max(matched[state] ?? 0, matched[shorter] ?? 0);
    const inherited = heads.get(shorter);
    if (inherited !== undefined) heads.set(state, [...(heads.get(state) ?? []), ...inherited]);
    for (let column = 0; column < width; column++) {
      const cell = state * width + column;
      const elsewhere = next[shorter * width + column] ?? 0;
      const to = next[cell] ?? -1;
      if (to < 0) {
        next[cell] = elsewhere;
        continue;
      }
      fallback[to] = elsewhere / width;
      queue[written++] = to;
      next[cell] = to * width;
    }
  }
}
