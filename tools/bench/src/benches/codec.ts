import type { Clock } from '@runner/core';
import { RunnerError } from '@runner/core';
import { decodeAgentMessage, decodeControlMessage, encodeAgentMessage, encodeControlMessage } from '@runner/protocol';
import type { Bench } from '../bench.ts';
import type { Figure, Promised } from '../figure.ts';
import type { Frame } from './frames.ts';
import { typicalFrames } from './frames.ts';

interface Effort {
  readonly rounds: number;
  /** Each side of each round works for about this long. */
  readonly sliceMs: number;
}

/** Reading and writing frames, beside JSON without any checks. */
export const codec: Bench = {
  name: 'codec',
  title: 'Frame codec beside bare JSON.parse and JSON.stringify',
  run: ({ quick, clock, signal, say }) => {
    const effort: Effort = quick ? { rounds: 12, sliceMs: 10 } : { rounds: 40, sliceMs: 20 };
    const figures = typicalFrames().flatMap((frame) => {
      signal.throwIfAborted();
      say(frame.name);
      return figuresOf(frame, effort, clock);
    });
    return Promise.resolve(figures);
  },
};

const PROMISED: Promised = { of: 'ratio', least: 0.5 };

function figuresOf(frame: Frame, effort: Effort, clock: Clock): readonly Figure[] {
  const { name, from, message } = frame;
  const { text, bytes } = encoded(frame);
  const decode = from === 'agent' ? decodeAgentMessage : decodeControlMessage;
  if (decode(text, bytes).kind !== 'ok') throw new RunnerError('bench_frame', `the ${name} frame is not valid`);
  const parse = (): unknown => JSON.parse(text) as unknown;
  const reading = compared(() => decode(text, bytes), parse, effort, clock);
  const writing = compared(
    () => encoded(frame),
    () => JSON.stringify(message),
    effort,
    clock,
  );
  const speed = (ms: number): number => bytes / 1_000 / ms;
  const figure = (what: string, { ours, bare }: Times): Figure => ({
    what: `${name}: ${what}`,
    unit: 'MB/s',
    value: speed(ours),
    bare: speed(bare),
  });
  const both = { ours: reading.ours + writing.ours, bare: reading.bare + writing.bare };
  return [
    { ...figure('decode, beside parse', reading), promised: PROMISED },
    figure('encode, beside stringify', writing),
    { ...figure('both', both), promised: PROMISED },
  ];
}

const encoded = (frame: Frame) =>
  frame.from === 'agent' ? encodeAgentMessage(frame.message) : encodeControlMessage(frame.message);

/** Milliseconds for one call. */
interface Times {
  readonly ours: number;
  readonly bare: number;
}

/** Both sides take turns, and the fastest round of each counts: the one that the rest of the machine disturbed least. */
function compared(ours: () => unknown, bare: () => unknown, { rounds, sliceMs }: Effort, clock: Clock): Times {
  const calls = { ours: callsFor(ours, sliceMs, clock), bare: callsFor(bare, sliceMs, clock) };
  const fastest = { ours: Infinity, bare: Infinity };
  for (let round = 0; round < rounds; round += 1) {
    fastest.ours = Math.min(fastest.ours, msPerCall(ours, calls.ours, clock));
    fastest.bare = Math.min(fastest.bare, msPerCall(bare, calls.bare, clock));
  }
  return fastest;
}

/** How many calls fill the slice. */
function callsFor(work: () => unknown, sliceMs: number, clock: Clock): number {
  const began = clock.monotonic();
  let calls = 0;
  while (calls === 0 || clock.monotonic() - began < sliceMs) {
    work();
    calls += 1;
  }
  return calls;
}

function msPerCall(work: () => unknown, calls: number, clock: Clock): number {
  const began = clock.monotonic();
  let kept: unknown;
  for (let call = 0; call < calls; call += 1) kept = work();
  const took = clock.monotonic() - began;
  // Looked at, so that no work can be optimised away.
  return kept === undefined ? Number.NaN : took / calls;
}
