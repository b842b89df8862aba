import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { AgentMessage, Socket } from '@runner/protocol';
import { encodeControlMessage } from '@runner/protocol';
import { attachWebSocketServer } from '@runner/protocol/ws';
import { CONTROL_SAMPLES, sampleRunId, sampleWelcome } from '@runner/protocol/testing';
import { listenTo } from '../support/agent.ts';
import { lookAround } from '../support/readme-agent.ts';
import { httpServer } from '../support/server.ts';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

it('the agent in the README is the one that is tested', () => {
  const [, ...lines] = read('../support/readme-agent.ts').split('\n');
  expect(read('../../README.md')).toContain(lines.join('\n').trim());
});

it('the agent in the README introduces itself, answers, and leaves', async () => {
  await using server = await httpServer();
  const heard: AgentMessage[] = [];
  const endings: { code: number; reason: string }[] = [];
  const accepted = new Promise<Socket>((resolve) => {
    attachWebSocketServer(server.server, {
      authenticate: () => Promise.resolve({ identity: 'anybody' }),
      accept: (socket) => {
        listenTo(socket, heard, endings);
        resolve(socket);
      },
    });
  });
  const agent = lookAround(`ws://127.0.0.1:${server.port}`, () => 'token-of-a-test');
  const socket = await accepted;
  const level = [CONTROL_SAMPLES['level.begin'], CONTROL_SAMPLES['level.page'], CONTROL_SAMPLES['level.end']];
  for (const message of [sampleWelcome(), ...level, CONTROL_SAMPLES.start, CONTROL_SAMPLES['log.open']]) {
    socket.send(encodeControlMessage(message).text);
  }
  await expect.poll(() => heard.at(-1)?.type).toBe('log.end');
  await agent.close();
  expect(heard).toMatchObject([
    { type: 'hello', agentId: 'example' },
    { type: 'report.begin' },
    { type: 'report.page', observations: [{ presence: 'absent', runId: sampleRunId() }] },
    { type: 'report.end', total: 1 },
    { type: 'refused', code: 'example' },
    { type: 'log.end', reason: 'not_found' },
    { type: 'draining' },
  ]);
});
