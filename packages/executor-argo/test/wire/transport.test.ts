import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemRandom } from '@runner/core';
import { makeCertificate, rejection } from '@runner/core/testing';
import type { ListWatch } from '@runner/kube';
import { createListWatch } from '@runner/kube';
import { startTestApiServer } from '@runner/kube/testing';
import { describe, expect, it } from 'vitest';
import type { TestArgoServerOptions } from '../../src/testing/argo-server.ts';
import { startTestArgoServer } from '../../src/testing/argo-server.ts';
import type { ArgoApi } from '../../src/transport/argo-api.ts';
import type { ArgoServerApiOptions } from '../../src/transport/create-argo-server-api.ts';
import { createArgoServerApi } from '../../src/transport/create-argo-server-api.ts';
import { WORKFLOWS } from '../../src/workflow/objects.ts';
import { hurriedClock } from '../support/hurried-clock.ts';
import type { MemoryArgo } from '../support/transport-subject.ts';
import { memoryArgo, NAMESPACE, OFFICIAL_RIGHTS, putPod, workflow } from '../support/transport-subject.ts';

const signal = AbortSignal.timeout(60_000);
const names = (cache: ListWatch<unknown>): string[] => [...cache.values()].map(String).sort();

async function until(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

interface Watched extends AsyncDisposable {
  readonly cache: ListWatch<string>;
  readonly endings: string[];
}

/** A list and watch of the names in the namespace, on a clock that runs fast. */
async function watched(argo: ArgoApi, silenceMs = argo.streams.silenceMs): Promise<Watched> {
  const stop = new AbortController();
  const endings: string[] = [];
  const cache = createListWatch({
    api: argo.workflows,
    type: WORKFLOWS,
    namespace: NAMESPACE,
    labelSelector: 'argo-api-contract',
    keep: ({ metadata }) => metadata?.name ?? '',
    onChange: () => undefined,
    clock: hurriedClock(100),
    random: systemRandom(),
    observer: { reconnecting: (why) => endings.push(why) },
    ...argo.streams,
    silenceMs,
  });
  const running = cache.run(stop.signal);
  await cache.synced(signal);
  return {
    cache,
    endings,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await running;
    },
  };
}

const create = (argo: ArgoApi, name: string) => argo.workflows.create(WORKFLOWS, NAMESPACE, workflow(name), { signal });

const TROUBLES: readonly (readonly [what: string, ending: string, trouble: (memory: MemoryArgo) => Promise<void>])[] = [
  ['its connection was cut', 'failed', ({ server }) => Promise.resolve(void server.fault({ kind: 'cut' }))],
  [
    'the server’s request timeout',
    'ended',
    ({ server }) => Promise.resolve(void server.fault({ kind: 'request_timeout' })),
  ],
  ['its version was forgotten', 'expired', ({ api }) => Promise.resolve(void api.fault({ kind: 'expire' }))],
  [
    'a restart of the server',
    'failed',
    async ({ server }) => {
      await server.stop();
      await server.start();
    },
  ],
];

describe('a watch over the Argo Server', () => {
  it.each(TROUBLES)('goes on after %s', async (_what, ending, trouble) => {
    await using memory = await memoryArgo();
    const argo = memory.client();
    await create(argo, 'before');
    await using watch = await watched(argo);
    await until('it watches', () => memory.server.openStreams('watch') === 1);
    await trouble(memory);
    await until('the first watch is over', () => watch.endings.length > 0);
    await create(argo, 'after');
    await until('what came after is seen', () => names(watch.cache).join() === 'after,before');
    expect(watch.endings).toContain(ending);
    await until('one watch is open', () => memory.server.openStreams('watch') === 1);
  });

  it('sees what was deleted while its version was forgotten', async () => {
    await using memory = await memoryArgo();
    const argo = memory.client();
    await create(argo, 'one');
    await create(argo, 'two');
    await using watch = await watched(argo);
    const back = memory.server.fault({ kind: 'status', status: 503 }, { call: 'watch' });
    memory.server.fault({ kind: 'cut' });
    await until('it is told to wait', () => watch.endings.length > 0);
    memory.api.remove(WORKFLOWS, NAMESPACE, 'one');
    memory.api.fault({ kind: 'expire' });
    back();
    await until('it is gone', () => names(watch.cache).join() === 'two');
  });

  it('is made anew when it says nothing, whatever signs of life the server gives', async () => {
    await using memory = await memoryArgo();
    const argo = memory.client();
    await using watch = await watched(argo, 20_000);
    await until('it watches', () => memory.server.openStreams('watch') === 1);
    // Into the stream that is open; the next one speaks again.
    memory.server.fault({ kind: 'silence' }, { call: 'watch', times: 0 });
    await until('it was found dead', () => watch.endings.includes('silent'));
    await create(argo, 'after');
    await until('what came after is seen', () => names(watch.cache).join() === 'after');
  });

  it('opens where nothing happens, which takes longer than calls may', async () => {
    await using memory = await memoryArgo();
    const token = memory.api.token(OFFICIAL_RIGHTS);
    const clock = hurriedClock(10);
    const argo = createArgoServerApi({
      endpoint: memory.server.url,
      token,
      clock,
      random: systemRandom(),
      callTimeoutMs: 500,
    });
    const { resourceVersion } = await argo.workflows.list(WORKFLOWS, NAMESPACE, { signal });
    const stop = new AbortController();
    const options = { signal: stop.signal, resourceVersion, timeoutSeconds: 60 };
    const next = argo.workflows.watch(WORKFLOWS, NAMESPACE, options)[Symbol.asyncIterator]().next();
    await until('the server has it', () => memory.server.openStreams('watch') === 1);
    expect((await next).done).toBe(false);
    stop.abort();
    await argo.close();
  });

  it('does not take a server without its cache for an empty one', async () => {
    await using memory = await memoryArgo();
    const argo = memory.client();
    await create(argo, 'one');
    await using watch = await watched(argo);
    await until('it watches', () => memory.server.openStreams('watch') === 1);
    memory.server.fault({ kind: 'unfilled_lists' }, { call: 'list', times: 3 });
    memory.api.fault({ kind: 'expire' });
    await until('it was listed anew', () => memory.server.calls.filter(({ call }) => call === 'watch').length > 1);
    expect(names(watch.cache)).toEqual(['one']);
  });

  it('catches up with a list that was out of date', async () => {
    await using memory = await memoryArgo();
    const argo = memory.client();
    await create(argo, 'one');
    const back = memory.server.fault({ kind: 'stale_lists' });
    await create(argo, 'two');
    await using watch = await watched(argo);
    await until('the newer one is seen', () => names(watch.cache).join() === 'one,two');
    back();
  });
});

describe('a list over the Argo Server', () => {
  it('does not lose a Workflow when another one goes away between two pages', async () => {
    await using memory = await memoryArgo();
    const argo = memory.client();
    for (const name of ['a', 'b', 'c', 'd', 'e']) await create(argo, name);
    let seen = 0;
    const { items } = await argo.workflows.list(WORKFLOWS, NAMESPACE, {
      signal,
      pageSize: 2,
      keep: ({ metadata }) => {
        seen += 1;
        if (seen === 2) memory.api.remove(WORKFLOWS, NAMESPACE, 'a');
        return metadata?.name;
      },
    });
    expect([...items].sort()).toEqual(['b', 'c', 'd', 'e']);
  });

  it('brings no configs and no managed fields', async () => {
    await using memory = await memoryArgo();
    const argo = memory.client();
    const one = workflow('one');
    const { resourceVersion } = await argo.workflows.list(WORKFLOWS, NAMESPACE, { signal });
    await argo.workflows.create(
      WORKFLOWS,
      NAMESPACE,
      { ...one, spec: { ...one.spec, podSpecPatch: '{}' } },
      { signal },
    );
    const { items } = await argo.workflows.list(WORKFLOWS, NAMESPACE, { signal });
    expect(items.map(({ spec }) => spec)).toEqual([{ entrypoint: 'main', arguments: {} }]);
    const options = { labelSelector: 'argo-api-contract', resourceVersion, timeoutSeconds: 60, signal };
    for await (const event of argo.workflows.watch(WORKFLOWS, NAMESPACE, options)) {
      if (event.type === 'BOOKMARK') continue;
      expect(event.object.spec).toEqual({ entrypoint: 'main', arguments: {} });
      break;
    }
  });
});

describe('calls to the Argo Server', () => {
  it('finds what it created when the answer was lost', async () => {
    await using memory = await memoryArgo();
    const argo = memory.client();
    memory.server.fault({ kind: 'reset', applied: true }, { call: 'create', times: 1 });
    const { object, created } = await create(argo, 'one');
    expect([object.metadata?.name, created]).toEqual(['one', false]);
    expect(memory.api.objects(WORKFLOWS)).toHaveLength(1);
  });

  it.each([429, 503, 500])('are repeated after %d', async (status) => {
    await using memory = await memoryArgo();
    const argo = memory.client();
    memory.server.fault({ kind: 'status', status, retryAfterSeconds: 1 }, { call: 'get', times: 2 });
    expect(await argo.workflows.get(WORKFLOWS, NAMESPACE, 'none', { signal })).toBeUndefined();
    expect(memory.server.calls.map((call) => call.status)).toEqual([status, status, 404]);
  });

  it('are one change a run: a create, nothing else', async () => {
    await using memory = await memoryArgo();
    const argo = memory.client();
    await create(argo, 'one');
    expect(memory.server.calls.map(({ call, status }) => [call, status])).toEqual([['create', 200]]);
  });

  it('read a token file again when the token was refused', async () => {
    await using memory = await memoryArgo();
    const folder = await mkdtemp(join(tmpdir(), 'argo-token-'));
    const tokenFile = join(folder, 'token');
    const old = memory.api.token(OFFICIAL_RIGHTS);
    await writeFile(tokenFile, `Bearer ${old}\n`);
    const clock = hurriedClock(1);
    const argo = createArgoServerApi({ endpoint: memory.server.url, tokenFile, clock, random: systemRandom() });
    await create(argo, 'one');
    await writeFile(tokenFile, memory.api.token(OFFICIAL_RIGHTS));
    memory.api.revoke(old);
    expect((await create(argo, 'two')).created).toBe(true);
    expect(memory.server.calls.map((call) => call.status)).toEqual([200, 401, 200]);
    await argo.close();
    await rm(folder, { recursive: true });
  });

  it('ask the owner of the token for another one when it was refused', async () => {
    await using memory = await memoryArgo();
    const asked: boolean[] = [];
    const good = memory.api.token(OFFICIAL_RIGHTS);
    const token = ({ refresh }: { readonly refresh: boolean }): string => {
      asked.push(refresh);
      return refresh ? `Bearer ${good}` : 'no-real-token-of-anybody';
    };
    const clock = hurriedClock(1);
    const argo = createArgoServerApi({ endpoint: memory.server.url, token, clock, random: systemRandom() });
    expect((await create(argo, 'one')).created).toBe(true);
    expect(asked).toEqual([false, true]);
    await argo.close();
  });

  it('say that the token is refused, and never what it is', async () => {
    await using memory = await memoryArgo();
    const token = 'no-real-token-of-anybody';
    const clock = hurriedClock(1);
    const argo = createArgoServerApi({ endpoint: memory.server.url, token, clock, random: systemRandom() });
    const error = await rejection(create(argo, 'one'));
    expect(error).toMatchObject({ code: 'kube_unauthorized', details: { status: 401 } });
    expect(JSON.stringify([error.message, error.hint, error.details])).not.toContain(token);
    await argo.close();
  });

  it.each([
    ['a page', { kind: 'html' }, 'kube_protocol'],
    ['a page that is not there', { kind: 'html', status: 404 }, 'kube_protocol'],
    ['a login', { kind: 'redirect' }, 'kube_protocol'],
  ] as const)('say that %s is not Argo', async (_what, fault, code) => {
    await using memory = await memoryArgo();
    const argo = memory.client();
    memory.server.fault(fault);
    const watch = argo.workflows.watch(WORKFLOWS, NAMESPACE, { signal, resourceVersion: '1', timeoutSeconds: 5 });
    for (const call of [
      () => create(argo, 'one'),
      () => argo.workflows.get(WORKFLOWS, NAMESPACE, 'one', { signal }),
      () => argo.workflows.list(WORKFLOWS, NAMESPACE, { signal }),
      () => argo.version({ signal }),
      () => watch[Symbol.asyncIterator]().next(),
    ]) {
      const error = await rejection(call());
      expect(error).toMatchObject({ code, retryable: false });
      expect(error.hint).not.toBeUndefined();
    }
  });

  it('refuse an endpoint or token that can be none', () => {
    const clock = hurriedClock(1);
    const make = (more: Partial<ArgoServerApiOptions>) => () =>
      createArgoServerApi({ endpoint: 'http://argo.test:2746', clock, random: systemRandom(), ...more });
    const invalid = expect.objectContaining({ code: 'kube_config_invalid' }) as Error;
    expect(make({})).toThrow(invalid);
    expect(make({ token: 'two words' })).toThrow(invalid);
    for (const endpoint of ['', 'argo:2746', 'ftp://argo', 'http://user:word@argo']) {
      expect(make({ token: 'x', endpoint })).toThrow(invalid);
    }
  });
});

describe('Argo of other versions', () => {
  it('keeps fields and phases that it does not know', async () => {
    await using memory = await memoryArgo();
    const argo = memory.client();
    const { object } = await create(argo, 'one');
    const future = {
      phase: 'Hibernating',
      futureField: { deep: [1, null] },
      nodes: { one: { type: 'Robot', phase: 'Napping' } },
    };
    memory.api.put(WORKFLOWS, { ...object, status: future });
    const found = await argo.workflows.get(WORKFLOWS, NAMESPACE, 'one', { signal });
    expect(found?.status).toMatchObject(future);
    const { items } = await argo.workflows.list(WORKFLOWS, NAMESPACE, { signal });
    expect(items[0]?.status).toMatchObject(future);
  });
});

describe('logs over the Argo Server', () => {
  it('come again when they are begun anew after the server stopped feeding them', async () => {
    await using memory = await memoryArgo();
    const argo = memory.client();
    await create(argo, 'one');
    putPod(memory.api, 'one', 'Running');
    const log = memory.api.log(NAMESPACE, 'one', 'main');
    log.write(Buffer.from('early\n'));
    const follow = { signal, container: 'main', follow: true };
    const first = (await argo.workflows.podLog(NAMESPACE, 'one', follow))?.[Symbol.asyncIterator]();
    expect(Buffer.from((await first?.next())?.value as Uint8Array).toString()).toBe('early\n');
    memory.server.fault({ kind: 'request_timeout' });
    log.write(Buffer.from('late\n'));
    const second = (await argo.workflows.podLog(NAMESPACE, 'one', follow))?.[Symbol.asyncIterator]();
    expect(Buffer.from((await second?.next())?.value as Uint8Array).toString()).toBe('early\nlate\n');
    expect(memory.server.openStreams('log')).toBe(2);
    await second?.return?.();
    await until('its connection is closed', () => memory.server.openStreams('log') === 1);
  });

  it('wait for a program that has not begun', async () => {
    await using memory = await memoryArgo();
    const argo = memory.client();
    await create(argo, 'one');
    putPod(memory.api, 'one', 'Pending');
    expect(await argo.workflows.podLog(NAMESPACE, 'one', { signal, container: 'main' })).toBeUndefined();
    const stream = await argo.workflows.podLog(NAMESPACE, 'one', { signal, container: 'main', follow: true });
    const first = stream?.[Symbol.asyncIterator]();
    const next = first?.next();
    memory.api.log(NAMESPACE, 'one', 'main').write(Buffer.from('begun\n'));
    putPod(memory.api, 'one', 'Running');
    expect(Buffer.from((await next)?.value as Uint8Array).toString()).toBe('begun\n');
    await first?.return?.();
  });
});

describe('TLS to the Argo Server', () => {
  const authority = makeCertificate({ name: 'authority of Argo', isAuthority: true });
  const other = makeCertificate({ name: 'other authority', isAuthority: true });
  const here = makeCertificate({ name: 'argo server', issuer: authority, hosts: ['127.0.0.1'] });
  const local = makeCertificate({ name: 'argo server', issuer: authority, hosts: ['localhost'] });

  async function version(
    server: Partial<TestArgoServerOptions>,
    client: Partial<ArgoServerApiOptions>,
    scheme?: 'http' | 'https',
  ): Promise<string | undefined> {
    await using api = await startTestApiServer();
    await using argoServer = await startTestArgoServer({ api, ...server });
    const endpoint = scheme === undefined ? argoServer.url : argoServer.url.replace(/^\w+/, scheme);
    const token = api.token();
    const argo = createArgoServerApi({ endpoint, token, clock: hurriedClock(1), random: systemRandom(), ...client });
    try {
      return await argo.version({ signal });
    } finally {
      await argo.close();
    }
  }

  it('trusts the given authority', async () => {
    expect(await version({ tls: here }, { ca: authority.cert })).toBe('v3.7.4');
  });

  it('trusts the very certificate of the server, whatever its name', async () => {
    const own = makeCertificate({ name: 'argo server', hosts: ['localhost'] });
    const impostor = makeCertificate({ name: 'argo server', hosts: ['localhost'] });
    expect(await version({ tls: own }, { ca: own.cert })).toBe('v3.7.4');
    const error = await rejection(version({ tls: impostor }, { ca: own.cert, callTimeoutMs: 2_000 }));
    expect(error.code).toBe('kube_unreachable');
  });

  it('trusts a certificate for another name when it is told the name', async () => {
    expect(await version({ tls: local }, { ca: authority.cert, serverName: 'localhost' })).toBe('v3.7.4');
  });

  it.each([
    [
      'the wrong authority',
      { tls: here },
      { ca: other.cert },
      undefined,
      'kube_unreachable',
      'certificate of the Argo Server',
    ],
    [
      'a certificate for another name',
      { tls: local },
      { ca: authority.cert },
      undefined,
      'kube_unreachable',
      'another name',
    ],
    ['a server without TLS', {}, {}, 'https', 'kube_unreachable', 'does not speak TLS'],
    ['a server with TLS', { tls: here }, {}, 'http', 'kube_unreachable', ''],
  ] as const)('says that it met %s', async (_what, server, client, scheme, code, hint) => {
    const error = await rejection(version(server, { ...client, callTimeoutMs: 2_000 }, scheme));
    expect(error.code).toBe(code);
    expect(error.hint ?? '').toContain(hint);
  });
});
