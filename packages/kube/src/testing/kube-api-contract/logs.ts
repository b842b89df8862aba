import { rejection } from '@runner/core/testing';
import { expect, it } from 'vitest';
import type { KubeApi, PodLogOptions } from '../../api/kube-api.ts';
import type { KubeContractContext } from './subject.ts';
import { within } from './subject.ts';

async function read(api: KubeApi, namespace: string, pod: string, options: PodLogOptions): Promise<string | undefined> {
  const chunks = await api.podLog(namespace, pod, options);
  if (chunks === undefined) return undefined;
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString('utf8');
}

export function logCases({ make, timeoutMs }: KubeContractContext): void {
  it('gives the log of a container that has ended, whole or the part that is asked for', async () => {
    await using subject = await make();
    const { api, namespace } = subject;
    const written = 'first line\nsecond line ü\nthird line\n';
    const pod = await subject.finishedPod(written);
    const asked = { signal: within(timeoutMs), container: 'main' };
    expect(await read(api, namespace, pod, asked)).toBe(written);
    expect(await read(api, namespace, pod, { ...asked, follow: true })).toBe(written);
    expect(await read(api, namespace, pod, { ...asked, tailLines: 1 })).toBe('third line\n');
    expect(await read(api, namespace, pod, { ...asked, limitBytes: 10 })).toBe('first line');
    const stamped = await read(api, namespace, pod, { ...asked, timestamps: true, tailLines: 1 });
    expect(stamped).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z third line\n$/);
  });

  it('gives nothing for a pod that does not exist or whose container has not begun', async () => {
    await using subject = await make();
    const { api, namespace } = subject;
    const signal = within(timeoutMs);
    expect(await api.podLog(namespace, 'none', { signal, container: 'main' })).toBeUndefined();
    const pod = await subject.waitingPod();
    expect(await api.podLog(namespace, pod, { signal, container: 'main', follow: true })).toBeUndefined();
    const error = await rejection(api.podLog(namespace, pod, { signal, container: 'other' }));
    expect(error.code).toBe('kube_invalid');
  });
}
