import { systemClock, systemRandom } from '@runner/core';
import { readPodLog } from '@runner/kube';
import { expect, it } from 'vitest';
import type { ArgoApi, ArgoPodLogOptions } from '../../transport/argo-api.ts';
import { WORKFLOWS } from '../../workflow/objects.ts';
import type { ArgoContractContext } from './subject.ts';
import { within } from './subject.ts';

const WRITTEN = 'first line\nsecond line ü\n\n  third {{line}} <&>\n';
/** What Argo's executor writes into the log of the main container. */
const NOISE = /^(?:.*level=info msg="sub-process exited".*|Error: exit status \d+)\n/gm;

async function textOf(chunks: AsyncIterable<Uint8Array> | undefined): Promise<string | undefined> {
  if (chunks === undefined) return undefined;
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString('utf8').replace(NOISE, '');
}

async function read(
  argo: ArgoApi,
  namespace: string,
  pod: string,
  options: ArgoPodLogOptions,
): Promise<string | undefined> {
  return textOf(await argo.workflows.podLog(namespace, pod, options));
}

export function logCases({ make, timeoutMs }: ArgoContractContext): void {
  it('gives the log of a program that has ended, whole or the part that is asked for', async () => {
    await using subject = await make();
    const { argo, namespace } = subject;
    await subject.succeeded('one', WRITTEN);
    const asked = { signal: within(timeoutMs), container: 'main' };
    expect(await read(argo, namespace, 'one', asked)).toBe(WRITTEN);
    expect(await read(argo, namespace, 'one', { ...asked, follow: true })).toBe(WRITTEN);
    const stamped = (await read(argo, namespace, 'one', { ...asked, timestamps: true })) ?? '';
    expect(stamped.split('\n')[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z first line$/);
    const sinceTime = '2999-01-01T00:00:00Z';
    expect((await read(argo, namespace, 'one', { ...asked, sinceTime })) ?? '').toBe('');
  });

  it('gives nothing for a pod that does not exist', async () => {
    await using subject = await make();
    const { argo, namespace } = subject;
    const signal = within(timeoutMs);
    expect(await argo.workflows.podLog(namespace, 'none', { signal, container: 'main' })).toBeUndefined();
  });

  it('follows a program that runs, and ends once it has ended', async () => {
    await using subject = await make();
    const { argo, namespace } = subject;
    const signal = within(timeoutMs);
    await subject.running('one', WRITTEN);
    let isOver = false;
    const ended = (): Promise<boolean> => Promise.resolve(isOver);
    const stream = await argo.workflows.podLog(namespace, 'one', { signal, container: 'main', follow: true, ended });
    let text = '';
    for await (const chunk of stream ?? []) {
      text += Buffer.from(chunk).toString('utf8');
      if (isOver || text.length < WRITTEN.length) continue;
      await argo.shutdown(namespace, 'one', 'Terminate', { signal });
      isOver = true;
      if (argo.transport === 'crd') break;
    }
    expect(text.replace(NOISE, '')).toBe(WRITTEN);
  });

  it('stops following when its signal is aborted', async () => {
    await using subject = await make();
    const { argo, namespace } = subject;
    await subject.running('one', WRITTEN);
    const stop = new AbortController();
    const stream = await argo.workflows.podLog(namespace, 'one', {
      signal: stop.signal,
      container: 'main',
      follow: true,
    });
    const reading = (async () => {
      for await (const chunk of stream ?? []) if (chunk.length > 0) stop.abort();
    })();
    await expect(reading).rejects.toMatchObject({ code: 'aborted' });
  });

  it('is read by byte offset with the reader of pod logs', async () => {
    await using subject = await make();
    const { argo, namespace } = subject;
    const signal = within(timeoutMs);
    await subject.succeeded('one', WRITTEN);
    const workflow = await argo.workflows.get(WORKFLOWS, namespace, 'one', { signal });
    expect(workflow?.status?.phase).toBe('Succeeded');
    let text = '';
    for await (const chunk of readPodLog({
      api: argo.workflows,
      namespace,
      pod: 'one',
      container: 'main',
      fromByte: 'first '.length,
      follow: false,
      ended: () => Promise.resolve(true),
      clock: systemClock({ keepAlive: true }),
      random: systemRandom(),
      signal,
    })) {
      if (!('gap' in chunk)) text += Buffer.from(chunk.bytes).toString('utf8');
    }
    expect(text.replace(NOISE, '')).toBe(WRITTEN.slice('first '.length));
  });
}
