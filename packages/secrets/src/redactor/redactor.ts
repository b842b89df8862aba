import { Buffer } from 'node:buffer';
import type { Automaton } from './automaton.ts';
import { buildAutomaton } from './automaton.ts';
import { SHORTEST_ANYWHERE, secretForms } from './forms.ts';
import { createLineRule } from './line-rule.ts';

/** What stands in the place of a value. */
export const REDACTED = '[redacted]';
const MARK = Buffer.from(REDACTED);

/**
 * Takes secret values out of a stream of bytes, in every form of `secretForms`, wherever the stream is cut into chunks.
 * All other bytes pass unchanged. Each byte is looked at once, however many values there are.
 */
export interface Redactor {
  /** More values to take out from now on, also of what is held back. */
  add(values: Iterable<string>): void;
  /** What of the stream so far can be told; the beginning of a possible value is held back. */
  push(chunk: Uint8Array): Uint8Array;
  /** The rest. The redactor can be used again after it, for another stream. */
  end(): Uint8Array;
}

/** Longer forms are recognised by this many bytes and followed from there on, which keeps the table small. */
const HEAD_BYTES = 128;

interface Span {
  start: number;
  end: number;
  /** Its mark was written; what is still to come of it is only left out. */
  marked: boolean;
}

/** A long form whose beginning was read, and how far it went on. */
interface Tail {
  readonly form: Buffer;
  at: number;
}

/** Makes a redactor of these values. Values shorter than six characters are taken out by the rule for lines alone. */
export function createRedactor(values: Iterable<string> = []): Redactor {
  const known = new Set<string>();
  const forms = new Map<string, Buffer>();
  const lines = createLineRule(REDACTED);
  let automaton: Automaton | undefined;
  let scan = newScan();

  const add = (more: Iterable<string>): void => {
    for (const value of more) {
      if (value === '' || known.has(value)) continue;
      known.add(value);
      if (value.trim().length < SHORTEST_ANYWHERE) lines.add(value);
      for (const form of secretForms(value)) forms.set(form, Buffer.from(form));
      automaton = undefined;
    }
  };
  const current = (): Automaton => {
    if (automaton !== undefined) return automaton;
    const all = [...forms.values()];
    automaton = buildAutomaton(
      all.map((form) => form.subarray(0, HEAD_BYTES)),
      (index) => (all[index]?.length ?? 0) > HEAD_BYTES,
    );
    scan = rescanned(scan, automaton, all);
    return automaton;
  };
  add(values);
  return {
    add,
    push(chunk) {
      if (forms.size === 0) return lines.push(chunk);
      const table = current();
      read(scan, table, chunk, [...forms.values()]);
      return lines.push(told(scan, scan.position - (table.depth[scan.state / table.width] ?? 0)));
    },
    end() {
      const rest = told(scan, scan.position);
      scan = newScan();
      return Buffer.concat([lines.push(rest), lines.end()]);
    },
  };
}

interface Scan {
  state: number;
  /** Bytes read since the beginning. */
  position: number;
  /** Bytes read and not told yet. */
  held: Buffer;
  readonly spans: Span[];
  tails: Tail[];
}

function newScan(): Scan {
  return { state: 0, position: 0, held: Buffer.alloc(0), spans: [], tails: [] };
}

/** With a new table, what is held back is read again; spans that were found stay. */
function rescanned(old: Scan, automaton: Automaton, forms: readonly Buffer[]): Scan {
  const scan: Scan = { ...old, state: 0, position: old.position - old.held.length, held: Buffer.alloc(0), tails: [] };
  read(scan, automaton, old.held, forms);
  scan.tails.push(...old.tails);
  return scan;
}

function read(scan: Scan, automaton: Automaton, chunk: Uint8Array, forms: readonly Buffer[]): void {
  const { columns, next, matched, heads, width } = automaton;
  let { state } = scan;
  const base = scan.position;
  for (let at = 0; at < chunk.length; at++) {
    const byte = chunk[at] ?? 0;
    if (scan.tails.length > 0) follow(scan, byte, base + at);
    state = next[state + (columns[byte] ?? 0)] ?? 0;
    if (state === 0) continue;
    const length = matched[state / width] ?? 0;
    if (length === 0) continue;
    const end = base + at + 1;
    cover(scan.spans, end - length, end);
    for (const index of heads.get(state / width) ?? []) {
      const form = forms[index];
      if (form !== undefined) scan.tails.push({ form, at: HEAD_BYTES });
    }
  }
  scan.state = state;
  scan.position = base + chunk.length;
  scan.held = scan.held.length === 0 ? Buffer.from(chunk) : Buffer.concat([scan.held, chunk]);
}

/** Long forms go on as long as the bytes are theirs. */
function follow(scan: Scan, byte: number, position: number): void {
  scan.tails = scan.tails.filter((tail) => {
    if (tail.form[tail.at] !== byte) return false;
    tail.at += 1;
    cover(scan.spans, position, position + 1);
    return tail.at < tail.form.length;
  });
}

/** Spans stay apart and in order; one that touches the last ones takes them in. */
function cover(spans: Span[], start: number, end: number): void {
  const span = { start, end, marked: false };
  for (let last = spans.at(-1); last !== undefined && last.end >= span.start; last = spans.at(-1)) {
    span.start = Math.min(span.start, last.start);
    span.end = Math.max(span.end, last.end);
    span.marked ||= last.marked;
    spans.pop();
  }
  spans.push(span);
}

/** Tells what is held before `upTo`: no later match can begin there. */
function told(scan: Scan, upTo: number): Uint8Array {
  const from = scan.position - scan.held.length;
  const out: Uint8Array[] = [];
  let cursor = from;
  while (scan.spans.length > 0) {
    const span = scan.spans[0];
    if (span === undefined || span.start >= upTo) break;
    if (span.start > cursor) out.push(scan.held.subarray(cursor - from, span.start - from));
    if (!span.marked) out.push(MARK);
    span.marked = true;
    cursor = Math.max(cursor, Math.min(span.end, upTo));
    // One that reaches so far may grow with the next byte.
    if (span.end >= upTo) break;
    scan.spans.shift();
  }
  if (cursor < upTo) out.push(scan.held.subarray(cursor - from, upTo - from));
  scan.held = scan.held.subarray(Math.max(0, upTo - from));
  return out.length === 1 ? (out[0] ?? Buffer.alloc(0)) : Buffer.concat(out);
}
