import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { testClock, until } from '@runner/core/testing';
import { describe, expect, test } from 'vitest';
import { openDoor } from '../../src/process/door.ts';

describe('the door of the process', () => {
  test('says that it is starting, also to an upgrade, until somebody serves', async () => {
    const door = await openDoor('127.0.0.1', 0, testClock());
    const answer = await fetch(`${door.url}/api/v1/anything`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: 'starting' });
    expect((await fetch(`${door.url}/healthz`)).status).toBe(200);
    const upgrade = await fetch(door.url, { headers: { 'x-like-an': 'upgrade' } });
    expect(upgrade.status).toBe(503);
    const socket = connect(Number(new URL(door.url).port), '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    const [head] = (await once(socket, 'data')) as [Buffer];
    expect(head.toString()).toContain('HTTP/1.1 503');
    socket.destroy();
    door.serve((_request, response) => response.end('served'));
    expect(await (await fetch(door.url)).text()).toBe('served');
    await door.close();
  });

  test('says in words that its port is taken', async () => {
    const door = await openDoor('127.0.0.1', 0, testClock());
    const port = Number(new URL(door.url).port);
    await expect(openDoor('127.0.0.1', port, testClock())).rejects.toMatchObject({ code: 'cannot_listen' });
    await door.close();
  });

  test('lets an answer under way end when it closes, and takes no new requests', async () => {
    const door = await openDoor('127.0.0.1', 0, testClock());
    let response: ServerResponse | undefined;
    door.serve((_request, given) => {
      response = given;
    });
    const asked = fetch(door.url).then((answer) => answer.text());
    const slow = await until('it was asked', () => response);
    const closed = door.close();
    await expect(fetch(door.url)).rejects.toThrow();
    slow.end('late but whole');
    expect(await asked).toBe('late but whole');
    await closed;
  });

  test('cuts a stream that has no end of its own', async () => {
    const clock = testClock();
    const door = await openDoor('127.0.0.1', 0, clock);
    door.serve((_request, response) => {
      response.write('first\n');
    });
    const answer = await fetch(door.url);
    const ending = answer.text().then(
      () => 'whole',
      () => 'cut',
    );
    const closed = door.close();
    await clock.advance(3_000);
    await closed;
    expect(await ending).toBe('cut');
    expect(clock.pendingTimers).toBe(0);
  });
});
