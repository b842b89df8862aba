import { isAbort } from '@runner/core';
import type { Clock, Component, Logger } from '@runner/core';
import { CONFIG_MAPS } from '@runner/kube';
import type { KubeApi } from '@runner/kube';
import { readStatus } from './status.ts';
import type { RegistryStatus } from './status.ts';

export interface ExpiryWatchOptions {
  /** Made when it starts, closed when it stops. */
  readonly open: () => Promise<KubeApi>;
  readonly configMap: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ExpiryWatch extends Component {
  /** What the registry helper said last; undefined when it is not known. */
  status(): RegistryStatus | undefined;
}

const LOOK_EVERY_MS = 600_000;

/**
 * Looks every ten minutes at what the registry helper has written. One that cannot be read is told once, and again after it
 * could be read in between; the agent works without it.
 */
export function createExpiryWatch({ open, configMap, clock, logger }: ExpiryWatchOptions): ExpiryWatch {
  const stopping = new AbortController();
  const { signal } = stopping;
  let status: RegistryStatus | undefined;
  let told = false;
  let watching: Promise<void> | undefined;

  const look = async (api: KubeApi): Promise<void> => {
    const namespace = api.place.namespace ?? 'default';
    try {
      const found = await api.get(CONFIG_MAPS, namespace, configMap, { signal });
      status = found === undefined ? undefined : readStatus(found);
      told = false;
    } catch (error) {
      if (isAbort(error)) throw error;
      // What was read before still holds: it says until when by itself.
      if (!told) logger.warn('the status of the pull secret cannot be read', { namespace, configMap, error });
      told = true;
    }
  };
  const watch = async (): Promise<void> => {
    const api = await open();
    try {
      for (;;) {
        await look(api);
        await clock.sleep(LOOK_EVERY_MS, signal);
      }
    } finally {
      await api.close();
    }
  };
  return {
    name: 'pull secret',
    status: () => status,
    start: () => {
      watching = watch().catch((error: unknown) => {
        if (!isAbort(error)) logger.warn('the status of the pull secret cannot be read', { configMap, error });
      });
      return Promise.resolve();
    },
    stop: async () => {
      stopping.abort();
      await watching;
    },
  };
}
