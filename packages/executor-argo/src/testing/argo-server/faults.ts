import type { ArgoCall, ArgoFaultTarget, ArgoServerFault } from '../argo-server.ts';
import type { EventStream } from './event-stream.ts';

interface Standing {
  readonly fault: ArgoServerFault;
  readonly target: ArgoFaultTarget;
  left: number;
}

/** Faults that stand now, and the streams they reach into. */
export class ArgoFaults {
  readonly #standing = new Set<Standing>();
  readonly #streams = new Map<EventStream, ArgoCall>();

  add(fault: ArgoServerFault, target: ArgoFaultTarget): () => void {
    const standing: Standing = { fault, target, left: target.times ?? Infinity };
    if (fault.kind !== 'cut' && fault.kind !== 'request_timeout') this.#standing.add(standing);
    for (const [stream, call] of [...this.#streams]) {
      if ((target.call ?? call) !== call) continue;
      if (fault.kind === 'cut') stream.cut();
      if (fault.kind === 'silence') stream.mute();
      if (fault.kind === 'request_timeout') {
        if (call === 'watch') stream.finish();
        else stream.mute();
      }
    }
    return () => void this.#standing.delete(standing);
  }

  /** The first fault of these kinds that hits; uses up one of its times. */
  take<Name extends ArgoServerFault['kind']>(
    call: ArgoCall,
    ...kinds: readonly Name[]
  ): Extract<ArgoServerFault, { kind: Name }> | undefined {
    for (const standing of this.#standing) {
      const { fault, target, left } = standing;
      if (left <= 0 || !kinds.some((kind) => kind === fault.kind) || (target.call ?? call) !== call) continue;
      standing.left -= 1;
      return fault as Extract<ArgoServerFault, { kind: Name }>;
    }
    return undefined;
  }

  opened(stream: EventStream, call: ArgoCall): void {
    this.#streams.set(stream, call);
    stream.onClose(() => void this.#streams.delete(stream));
  }

  open(call?: ArgoCall): number {
    return [...this.#streams.values()].filter((one) => call === undefined || one === call).length;
  }
}
