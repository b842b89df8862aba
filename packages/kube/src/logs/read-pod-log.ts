import type { Clock, Logger, Random } from '@runner/core';
import type { LogChunk, LogGap } from '@runner/executor';
import type { KubeApi } from '../api/kube-api.ts';
import type { LineTime } from './line-time.ts';
import { readOnce } from './log-connection.ts';
import { createLogCourse } from './log-course.ts';
import { createLogCursor } from './log-cursor.ts';

export interface PodLogReadOptions {
  readonly api: Pick<KubeApi, 'podLog'>;
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** First raw byte wanted, counted from the container's first. */
  readonly fromByte: number;
  readonly follow: boolean;
  /**
   * Whether the container has ended, so that nothing more can come. Asked when a stream ends, and now and then while one
   * is silent; it may take a few seconds to be sure. What it throws counts as "not known to have ended".
   */
  readonly ended: (signal: AbortSignal) => Promise<boolean>;
  /**
   * When the container was started (ms, wall clock of its node), where that is known. Tells a log that still begins with
   * the first output from one whose beginning was rotated away.
   */
  readonly startedAt?: () => number | undefined;
  /** Resolves when `ended`, or whether there is a log, may have changed. Shortens waits; without it they are polls. */
  readonly changed?: (signal: AbortSignal) => Promise<void>;
  /**
   * Milliseconds without a byte after which a followed stream is held to be dead and begun anew. Default 600,000: balancers
   * forget quiet connections without telling.
   */
  readonly silenceMs?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger?: Logger;
  readonly signal: AbortSignal;
}

/** An output that begins, or is read, this soon after its container started has not been rotated yet. */
const BEGINNING_MS = 60_000;
const DEFAULT_SILENCE_MS = 600_000;
/**
 * Raw output of a container, counted in bytes from its first, zero bytes and broken UTF-8 included. Following, it waits for
 * a container that has not started, reconnects whenever a stream breaks, and ends when the container has ended and
 * everything was delivered; never because a stream ended. Not following, it gives what there is. Ends quietly when aborted.
 * Throws what the API said (a `kubeError`) when trying again is no use: at once for what will not change, such as
 * `kube_forbidden`; after three tries when it does not follow; two minutes after the container ended.
 *
 * Kubernetes has no byte offsets: a log can be had from a second on, with the time of each line (to the nanosecond). So a
 * reader remembers the latest time it saw and how many bytes came from there, and goes on after them: no byte twice, none
 * left out. One healthy run costs one request.
 *
 * What is rotated away cannot be had through the API (the kubelet begins a new file at 10 MiB by default and serves only
 * that one). Streams go on over rotations, and when a container that wrote 1 MiB or more has ended, one more request finds
 * what a kubelet left out that was slow at the last one. Limits:
 * - A kubelet follows into the new file as soon as that is there: what the runtime still writes into the old one (some
 *   lines, of a program that writes at that very moment) is missing without a trace. Where the kubelet was still reading
 *   the old file, it stays there until the next rotation, and the file in between is missing: marked at the end of the
 *   container, or when the stream is renewed for its silence, but not where a later file was followed.
 * - A reader that was cut when the file changed gives a gap. Its true length is unknown: it is counted as one byte, so
 *   offsets after it are lower than the real ones. It may even be empty.
 * - A new reader of a log whose beginning is gone cannot know where the rest belongs. It gives a gap at `fromByte`, then
 *   all that is there, which may repeat what an earlier reader gave.
 * - That the beginning is gone is concluded from `startedAt`: the first line there came more than a minute after it, and
 *   the reader too. A program that is silent in its first minute and is read later begins with such a gap untruly; one that
 *   fills its first file within a minute is not noticed.
 * - A program that writes and ends within two seconds after the stream broke in a way that looks like an end (the kubelet
 *   was restarted) loses those lines.
 * - What a kubelet writes of its own into a stream ("too many open files") is left out, but not in the middle of a line of
 *   more than 16 KiB, where it cannot be told from output.
 * - Lines of a node whose clock was set back while a reader was cut may be missed.
 */
export async function* readPodLog(options: PodLogReadOptions): AsyncGenerator<LogChunk | LogGap, void> {
  const { clock, signal, fromByte, startedAt } = options;
  /** Since when there was no time at which a line could have been missed. */
  let listeningSince = Infinity;
  const isWhole = (firstLine: LineTime): boolean => {
    const started = startedAt?.();
    return started === undefined || Math.min(firstLine.seconds * 1_000, listeningSince) - started <= BEGINNING_MS;
  };
  const cursor = createLogCursor({ fromByte, isWhole });
  const course = createLogCourse(options, cursor);
  while (!signal.aborted) {
    listeningSince = Math.min(listeningSince, clock.now());
    const how = yield* readOnce({ silenceMs: DEFAULT_SILENCE_MS, ...options }, cursor);
    if (how.kind !== 'complete' && how.kind !== 'silent') listeningSince = Infinity;
    const next = isAborted(signal) ? 'over' : await course.after(how);
    if (isAborted(signal)) return;
    if (next === 'lost') yield cursor.lose();
    if (next !== 'again') return;
  }
}

/** The compiler takes a property that was false once for false, and does not see that others abort it. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
