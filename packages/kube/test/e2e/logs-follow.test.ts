import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { systemClock, systemRandom } from '@runner/core';
import { testRandom } from '@runner/core/testing';
import type { LogChunk, LogGap } from '@runner/executor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKubeApi, createListWatch, readPodLog } from '../../src/index.ts';
import type { KubeApi, KubeObject, ListWatch, Pod, PodLogOptions, PodLogReadOptions } from '../../src/index.ts';
import { PODS } from '../../src/index.ts';
import { kubeconfigIdentity } from '../../src/kubeconfig.ts';

const kubeconfig = process.env['KUBECONFIG'];
if (kubeconfig === undefined) {
  console.warn('SKIPPED: logs of real pods were not read, as KUBECONFIG names no cluster.');
}

const NAMESPACES = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false };
const ACCOUNTS = { apiVersion: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts', namespaced: true };
const clock = systemClock({ keepAlive: true });
const random = systemRandom();

/** The first line that is not one of these, or not in their order, or there twice; in words, for outputs are long. */
function stray(given: Buffer, expected: readonly string[]): string | undefined {
  const places = new Map(expected.map((line, index) => [line, index]));
  const lines = given.toString('latin1').split('\n').slice(0, -1);
  let last = -1;
  for (const [index, line] of lines.entries()) {
    const place = places.get(line) ?? -1;
    if (place <= last)
      return `line ${index} of ${lines.length} is ${JSON.stringify(line.slice(0, 40))}, after line ${last}`;
    last = place;
  }
  return undefined;
}

describe.skipIf(kubeconfig === undefined)('the log of a real pod', () => {
  const namespace = `kube-logs-${randomUUID().slice(0, 8)}`;
  const stop = new AbortController();
  const { signal } = stop;
  let api: KubeApi;
  let logCalls = 0;
  let pods: ListWatch<Pod>;
  let watching: Promise<void>;

  const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
    const deadline = clock.monotonic() + 180_000;
    while (!(await holds())) {
      if (clock.monotonic() > deadline) throw new Error(`waited in vain until ${what}`);
      await clock.sleep(50, signal);
    }
  };

  beforeAll(async () => {
    const called = (call: { readonly resource: string }): void =>
      void (logCalls += Number(call.resource === 'pods/log'));
    const identity = await kubeconfigIdentity({ path: kubeconfig ?? '', clock });
    api = createKubeApi({ identity, clock, random, observer: { called } });
    const metadata = { name: namespace };
    await api.create<KubeObject>(NAMESPACES, '', { metadata }, { signal });
    await until('the namespace is ready', async () => {
      return (await api.get(ACCOUNTS, namespace, 'default', { signal })) !== undefined;
    });
    pods = createListWatch<Pod, Pod>({
      api,
      type: PODS,
      namespace,
      labelSelector: 'of=us',
      keep: ({ metadata: { name = '' } = {}, status = {} }) => ({ metadata: { name }, status }),
      onChange: () => undefined,
      clock,
      random,
    });
    watching = pods.run(signal);
    await pods.synced(signal);
  });

  afterAll(async () => {
    await api.delete(NAMESPACES, '', namespace, { signal, propagation: 'Background' });
    stop.abort();
    await watching;
    await api.close();
  });

  const start = async (name: string, script: string): Promise<void> => {
    const container = {
      name: 'main',
      image: 'docker.io/runner/busybox:1',
      imagePullPolicy: 'IfNotPresent',
      command: ['sh', '-c', script],
    };
    const pod: Pod = {
      metadata: { name, labels: { of: 'us' } },
      spec: { restartPolicy: 'Never', terminationGracePeriodSeconds: 0, containers: [container] },
    };
    await api.create(PODS, namespace, pod, { signal });
  };

  const main = (name: string) => pods.get(name)?.status?.containerStatuses?.find((status) => status.name === 'main');
  const ended = (name: string): boolean => main(name)?.state?.terminated !== undefined;

  const read = async (name: string, more: Partial<PodLogReadOptions> = {}) => {
    const pieces: (LogChunk | LogGap)[] = [];
    const options: PodLogReadOptions = {
      api,
      namespace,
      pod: name,
      container: 'main',
      fromByte: 0,
      follow: true,
      ended: () => Promise.resolve(ended(name)),
      startedAt: () => {
        const { running, terminated } = main(name)?.state ?? {};
        const text = running?.startedAt ?? terminated?.startedAt;
        return text === undefined ? undefined : Date.parse(text);
      },
      clock,
      random,
      signal,
      ...more,
    };
    for await (const piece of readPodLog(options)) pieces.push(piece);
    const bytes = Buffer.concat(pieces.map((piece) => ('gap' in piece ? Buffer.alloc(0) : piece.bytes)));
    return { bytes, gaps: pieces.filter((piece) => 'gap' in piece) };
  };

  /** Cuts every stream somewhere. */
  const brittle = (seed: number): KubeApi => {
    const chance = testRandom(seed);
    let cuts = 12;
    const podLog: KubeApi['podLog'] = async (of, pod, asked: PodLogOptions) => {
      const stream = await api.podLog(of, pod, asked);
      if (stream === undefined || (cuts -= 1) < 0) return stream;
      let left = Math.floor(chance.next() * 60_000);
      return (async function* () {
        for await (const bytes of stream) {
          yield bytes.subarray(0, left);
          if ((left -= bytes.length) < 0) throw Object.assign(new Error('cut'), { name: 'Cut' });
        }
      })();
    };
    return { ...api, podLog };
  };

  it('is followed over one request from before it starts to its end, whatever its bytes', async () => {
    const before = logCalls;
    const running = start('bytes', String.raw`printf 'first \303\244\n\n'; sleep 2; printf '\000\377\376\nlast\n'`);
    await until('it runs', () => main('bytes')?.state?.running !== undefined);
    const [whole, rest] = await Promise.all([read('bytes'), read('bytes', { fromByte: 7 }), running]);
    const output = Buffer.concat([Buffer.from('first ä\n\n'), Buffer.from([0, 255, 254, 10]), Buffer.from('last\n')]);
    expect(whole).toEqual({ bytes: output, gaps: [] });
    expect(rest).toEqual({ bytes: output.subarray(7), gaps: [] });
    expect(logCalls - before).toBe(2);
    const again = await read('bytes', { follow: false, fromByte: 3 });
    expect(again).toEqual({ bytes: output.subarray(3), gaps: [] });
  });

  it('is waited for, and gives a last line without an end', async () => {
    const reading = read('late');
    await start('late', `printf 'one\\ntwo'`);
    expect(await reading).toEqual({ bytes: Buffer.from('one\ntwo'), gaps: [] });
  });

  it('is exact over cuts, within lines longer than the runtime stores at once too', async () => {
    const long = 'y'.repeat(50_000);
    await start('cuts', `for i in $(seq 1 20); do echo "line $i"; echo '${long}'; seq 1 500; sleep 0.2; done`);
    await until('it runs', () => main('cuts')?.state?.running !== undefined);
    const numbers = Array.from({ length: 500 }, (_, index) => `${index + 1}\n`).join('');
    const rounds = Array.from({ length: 20 }, (_, index) => `line ${index + 1}\n${long}\n${numbers}`);
    const { bytes, gaps } = await read('cuts', { api: brittle(4) });
    expect(gaps).toEqual([]);
    expect(bytes.toString()).toBe(rounds.join(''));
  });

  it('is followed over rotations to its end, no line twice or torn; who comes later finds the beginning gone, and is told', async () => {
    // The kubelet looks every ten seconds, and begins a new file after 10 MiB (lines are stored with some 40 bytes more).
    // Files are full only at the end of a block, and the writer rests then: what is written during a rotation, or not read
    // before it because the machine is busy, is lost to everybody who follows.
    const block = `awk -v b=$b 'BEGIN { x = sprintf("%1000s", ""); for (i = 0; i < 10030; i++) printf "%d-%05d%s\\n", b, i, x }'`;
    // The kubelet notices rotations once it has seen the end of a file.
    await start('rotated', `echo begin; sleep 10; for b in 1 2 3; do ${block}; sleep 25; done; sleep 30; echo end`);
    await until('it runs', () => main('rotated')?.state?.running !== undefined);
    const lines = (b: number) =>
      Array.from({ length: 10_030 }, (_, i) => `${b}-${String(i).padStart(5, '0')}${' '.repeat(1_000)}`);
    const written = ['begin', ...[1, 2, 3].flatMap(lines), 'end'];
    const { bytes } = await read('rotated');
    expect(stray(bytes, written)).toBeUndefined();
    expect(bytes.toString().startsWith('begin\n')).toBe(true);
    expect(bytes.toString().endsWith('\nend\n')).toBe(true);
    const late = await read('rotated', { follow: false, fromByte: bytes.length });
    expect(late.gaps).toEqual([{ gap: true, fromByte: bytes.length, toByte: bytes.length + 1 }]);
    expect(late.bytes.toString().endsWith('end\n')).toBe(true);
    expect(late.bytes.length).toBeLessThan(bytes.length);
  });
});
