import type { Clock } from './clock.ts';
import { RunnerError, messageOf } from './errors.ts';
import type { Logger } from './logger.ts';
import { silentLogger } from './logger.ts';

/** A part of an application that starts and stops. */
export interface Component {
  readonly name: string;
  start?(signal: AbortSignal): Promise<void>;
  /** Must settle soon after the signal is aborted; what it leaves behind then is its own risk. */
  stop?(signal: AbortSignal): Promise<void>;
}

export type LifecycleState = 'new' | 'starting' | 'running' | 'stopping' | 'stopped' | 'failed';

export interface Lifecycle {
  readonly state: LifecycleState;
  /** Starts in order. If one fails, it and those already started are stopped in reverse and its error is thrown. */
  start(): Promise<void>;
  /** Stops in reverse within `deadlineMs` altogether; calling it again returns the same promise. */
  stop(deadlineMs: number): Promise<void>;
}

/** Starts components in the order in which work flows and stops them the other way round. */
export function createLifecycle(
  components: readonly Component[],
  options: { readonly clock: Clock; readonly logger?: Logger },
): Lifecycle {
  const { clock, logger = silentLogger } = options;
  const started: Component[] = [];
  const starting = new AbortController();
  let state: LifecycleState = 'new';
  let stopping: Promise<void> | undefined;

  const stopAll = async (deadlineMs: number): Promise<void> => {
    const hurry = new AbortController();
    const timer = clock.setTimer(deadlineMs, () => hurry.abort(new RunnerError('deadline', 'stopping took too long')));
    const late = new Promise<void>((resolve) =>
      hurry.signal.addEventListener('abort', () => resolve(), { once: true }),
    );
    try {
      for (const component of started.splice(0).reverse()) {
        if (component.stop === undefined) continue;
        const stopped = component.stop(hurry.signal).catch((error: unknown) => {
          logger.error('a component did not stop cleanly', { component: component.name, error });
        });
        await Promise.race([stopped, late]);
      }
    } finally {
      timer.cancel();
    }
  };

  const start = async (): Promise<void> => {
    if (state !== 'new') throw new RunnerError('lifecycle', `cannot start while ${state}`);
    state = 'starting';
    for (const component of components) {
      try {
        started.push(component);
        await component.start?.(starting.signal);
      } catch (error) {
        state = 'failed';
        logger.error('a component did not start', { component: component.name, error: messageOf(error) });
        await stopAll(5_000);
        throw error;
      }
      if (starting.signal.aborted) return;
    }
    state = 'running';
  };

  return {
    get state() {
      return state;
    },
    start,
    stop: (deadlineMs) => {
      stopping ??= (async () => {
        starting.abort();
        state = 'stopping';
        await stopAll(deadlineMs);
        state = 'stopped';
      })();
      return stopping;
    },
  };
}
