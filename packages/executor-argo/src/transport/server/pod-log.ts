import type { Clock } from '@runner/core';
import { isRunnerError } from '@runner/core';
import type { Caller, KubeRequest } from '@runner/kube';
import { withQuery } from '@runner/kube';
import { TEMPLATES } from '../../workflow/objects.ts';
import type { ArgoPodLogOptions } from '../argo-api.ts';
import { untilEnded } from './quiet.ts';
import { OPEN_TIMEOUT_MS, sseData } from './sse.ts';
import { resultOf } from './watching.ts';

/** Argo cuts a line after so many bytes; what follows belongs to it. */
const LINE_BYTES = 1024 * 1024;

/**
 * The log of one pod, as bytes. Argo gives lines: their ends are put back (also where the last has none), `\r` before
 * them is lost, and bytes that are no UTF-8 have become U+FFFD. So offsets count what is given here.
 */
export async function openPodLog(
  caller: Caller,
  clock: Clock,
  namespace: string,
  pod: string,
  options: ArgoPodLogOptions,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  const request = logRequest(namespace, pod, options);
  const cut = linked(options.signal);
  try {
    const stream = bytesOf(
      request,
      await caller.open(request, cut.signal, { repeat: true, timeoutMs: OPEN_TIMEOUT_MS }),
    );
    if (options.follow === true) return untilEnded(stream, options, clock, () => cut.abort());
    return await unlessEmpty(stream, () => cut.abort());
  } catch (error) {
    cut.abort();
    if (isRunnerError(error, 'kube_not_found')) return undefined;
    throw error;
  }
}

function logRequest(namespace: string, pod: string, options: ArgoPodLogOptions): KubeRequest {
  const { container, follow, sinceTime, tailLines, limitBytes, timestamps } = options;
  const workflow = encodeURIComponent(workflowOfPod(pod));
  const path = withQuery(`/api/v1/workflows/${encodeURIComponent(namespace)}/${workflow}/log`, {
    podName: pod,
    'logOptions.container': container,
    'logOptions.follow': follow === true ? true : undefined,
    // The one form that Argo 3.7 understands. Where a version does not, it gives everything, and the reader finds its place.
    'logOptions.sinceTime.Time': sinceTime,
    'logOptions.tailLines': tailLines,
    'logOptions.limitBytes': limitBytes,
    'logOptions.timestamps': timestamps === true ? true : undefined,
  });
  const about = { verb: 'get', group: '', resource: 'pods/log', namespace, name: pod };
  return { about, method: 'GET', path, accept: 'text/event-stream' };
}

/** The pod of the main template has the name of its Workflow; others add the template and a hash. */
export function workflowOfPod(pod: string): string {
  const added = new RegExp(`-(?:${TEMPLATES.main}|${TEMPLATES.exit})-\\d+$`);
  return pod.replace(added, '');
}

async function* bytesOf(request: KubeRequest, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const texts of sseData(chunks)) {
    let lines = '';
    for (const text of texts) {
      const result = resultOf(request, text);
      if (result === 'end') {
        if (lines !== '') yield Buffer.from(lines, 'utf8');
        return;
      }
      const content = typeof result.content === 'string' ? result.content : '';
      lines += Buffer.byteLength(content) === LINE_BYTES ? content : `${content}\n`;
    }
    yield Buffer.from(lines, 'utf8');
  }
}

interface Cut {
  readonly signal: AbortSignal;
  abort(): void;
}

/** Aborted with the outer one, and by itself. */
function linked(outer: AbortSignal): Cut {
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(outer.reason);
  if (outer.aborted) onAbort();
  else outer.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    abort: () => {
      outer.removeEventListener('abort', onAbort);
      controller.abort();
    },
  };
}

/** Argo answers with nothing where there is no such pod or container, or it has not begun. */
async function unlessEmpty(
  stream: AsyncGenerator<Uint8Array>,
  cut: () => void,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  const first = await stream.next();
  if (first.done !== true) return resumed(first.value, stream, cut);
  cut();
  return undefined;
}

async function* resumed(
  first: Uint8Array,
  rest: AsyncGenerator<Uint8Array>,
  cut: () => void,
): AsyncGenerator<Uint8Array> {
  try {
    yield first;
    yield* rest;
  } finally {
    cut();
  }
}
