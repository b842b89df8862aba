import { expect, it } from 'vitest';
import { PODS } from '../../src/objects.ts';
import type { ContainerStatus } from '../../src/objects.ts';
import { startTestApiServer } from '../../src/testing/index.ts';
import type { TestApiServer } from '../../src/testing/index.ts';
import { PODS_PATH, field, speaker, until } from '../support/testing-http.ts';

const PATH = `${PODS_PATH}/p/log?container=main`;
const RUNNING: ContainerStatus['state'] = { running: { startedAt: '2026-01-01T00:00:00Z' } };

function put(server: TestApiServer, state: ContainerStatus['state'] = RUNNING): void {
  const status = {
    name: 'main',
    ready: true,
    restartCount: 0,
    image: 'x',
    imageID: '',
    ...(state === undefined ? {} : { state }),
  };
  server.put(PODS, {
    metadata: { name: 'p' },
    spec: { nodeName: 'node', containers: [{ name: 'main', image: 'x' }] },
    status: { phase: 'Running', containerStatuses: [status] },
  });
}

it('gives whole lines, with their times when asked', async () => {
  await using server = await startTestApiServer();
  const { ask } = speaker(server);
  put(server);
  const log = server.log('default', 'p');
  log.write(Buffer.from('one\ntwo\nunfinished'));
  expect((await ask('GET', PATH)).text).toBe('one\ntwo\n');
  const stamped = (await ask('GET', `${PATH}&timestamps=true`)).text.split('\n');
  expect(stamped[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z one$/);
  expect(stamped.slice(0, 2).toSorted()).toEqual(stamped.slice(0, 2));
  log.end();
  expect((await ask('GET', PATH)).text).toBe('one\ntwo\nunfinished');
});

it('puts one time before a line that is stored in pieces', async () => {
  await using server = await startTestApiServer();
  put(server);
  const long = 'x'.repeat(40_000);
  server.log('default', 'p').write(Buffer.from(`${long}\nnext\n`));
  const [first, second, last] = (await speaker(server).ask('GET', `${PATH}&timestamps=true`)).text.split('\n');
  expect(first?.slice(31)).toBe(long);
  expect([second?.slice(31), last]).toEqual(['next', '']);
});

it('cuts by time, by lines and by bytes', async () => {
  await using server = await startTestApiServer();
  const { ask } = speaker(server);
  put(server);
  server.log('default', 'p').write(Buffer.from('one\ntwo\nthree\n'));
  const text = async (query: string): Promise<string> => (await ask('GET', `${PATH}&${query}`)).text;
  expect(await text('tailLines=2')).toBe('two\nthree\n');
  expect(await text('tailLines=0')).toBe('');
  expect(await text('limitBytes=6')).toBe('one\ntw');
  expect(await text('limitBytes=5&timestamps=true')).toMatch(/^\d{4}-$/);
  const times = (await text('timestamps=true')).split('\n').map((line) => line.slice(0, 30));
  expect(await text(`sinceTime=${times[1] ?? ''}`)).toBe('two\nthree\n');
  expect(await text('sinceTime=2200-01-01T00:00:00Z')).toBe('');
  expect((await ask('GET', `${PATH}&limitBytes=0`)).body).toMatchObject({
    code: 422,
    message: expect.stringContaining('must be greater than 0') as unknown,
  });
  expect((await ask('GET', `${PATH}&sinceTime=yesterday`)).status).toBe(400);
});

it('follows until the program is over', async () => {
  await using server = await startTestApiServer();
  put(server);
  const log = server.log('default', 'p');
  log.write(Buffer.from('one\n'));
  let text = '';
  const response = await fetch(`${server.url}${PATH}&follow=true`, {
    headers: { authorization: `Bearer ${server.token()}` },
  });
  const reading = (async () => {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>)
      text += Buffer.from(chunk).toString();
  })();
  await until('the first line came', () => (text === 'one\n' ? true : undefined));
  log.write(Buffer.from('two\nlast'));
  await until('the second line came', () => (text === 'one\ntwo\n' ? true : undefined));
  log.end();
  await reading;
  expect(text).toBe('one\ntwo\nlast');
});

it('cuts followed logs, lets them go dumb, and ends them with their pod', async () => {
  await using server = await startTestApiServer();
  put(server);
  const log = server.log('default', 'p');
  log.write(Buffer.from('one\n'));
  const texts = ['', '', ''];
  const follow = async (index: number): Promise<void> => {
    const headers = { authorization: `Bearer ${server.token()}` };
    const response = await fetch(`${server.url}${PATH}&follow=true`, { headers });
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      texts[index] = `${texts[index] ?? ''}${Buffer.from(chunk).toString()}`;
    }
  };
  const end = server.fault({ kind: 'cut_watches', everyMs: 30 }, { verb: 'log' });
  await expect(follow(0)).rejects.toThrow();
  end();
  const dumb = follow(1);
  await until('it follows', () => (texts[1] === 'one\n' ? true : undefined));
  server.fault({ kind: 'silence' })();
  const following = follow(2);
  await until('another one follows', () => (texts[2] === 'one\n' ? true : undefined));
  log.write(Buffer.from('two\n'));
  server.remove(PODS, 'default', 'p');
  await following;
  expect(texts).toEqual(['one\n', 'one\n', 'one\ntwo\n']);
  await server.stop();
  await expect(dumb).rejects.toThrow();
});

it('forgets lines that were rotated away', async () => {
  await using server = await startTestApiServer();
  put(server);
  const log = server.log('default', 'p');
  log.write(Buffer.from('one\ntwo\nthree\n'));
  log.rotate(5);
  expect((await speaker(server).ask('GET', PATH)).text).toBe('three\n');
});

it.each<readonly [string, ContainerStatus['state'], string]>([
  [
    'no container yet',
    { waiting: { reason: 'ContainerCreating' } },
    'container "main" in pod "p" is waiting to start: ContainerCreating',
  ],
  [
    'an image that cannot be pulled',
    { waiting: { reason: 'ErrImagePull' } },
    `container "main" in pod "p" is waiting to start: image can't be pulled`,
  ],
  [
    'an image that is tried again',
    { waiting: { reason: 'ImagePullBackOff' } },
    'container "main" in pod "p" is waiting to start: trying and failing to pull image',
  ],
])('answers 400 for %s', async (_what, state, message) => {
  await using server = await startTestApiServer();
  put(server, state);
  expect((await speaker(server).ask('GET', PATH)).body).toMatchObject({ code: 400, reason: 'BadRequest', message });
});

it('tells pods, containers and nodes that are missing apart', async () => {
  await using server = await startTestApiServer();
  const { ask } = speaker(server);
  expect((await ask('GET', PATH)).body).toMatchObject({ code: 404, message: 'pods "p" not found' });
  server.put(PODS, { metadata: { name: 'p' }, spec: { containers: [{ name: 'main', image: 'x' }] } });
  expect((await ask('GET', PATH)).status).toBe(204);
  put(server);
  expect(field((await ask('GET', PATH.replace('=main', '=other'))).body, 'message')).toBe(
    'container other is not valid for pod p',
  );
  expect(field((await ask('GET', `${PATH}&previous=true`)).body, 'message')).toBe(
    'previous terminated container "main" in pod "p" not found',
  );
  server.log('default', 'p').reachable = false;
  expect((await ask('GET', PATH)).status).toBe(500);
});
