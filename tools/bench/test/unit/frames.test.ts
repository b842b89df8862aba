import { expect, it } from 'vitest';
import { configOf, logText, typicalFrames } from '../../src/benches/frames.ts';
import { decodeAgentMessage, decodeControlMessage, encodeAgentMessage, encodeControlMessage } from '@runner/protocol';

it.each([8_192, 102_400])('makes a config of about %d bytes', (bytes) => {
  const size = JSON.stringify(configOf(bytes)).length;
  expect(size).toBeGreaterThanOrEqual(bytes);
  expect(size).toBeLessThan(bytes * 1.02);
});

it('makes log text of exactly the size, in lines', () => {
  const text = logText(65_536);
  expect(Buffer.byteLength(text)).toBe(65_536);
  expect(text.split('\n').length).toBeGreaterThan(500);
});

it('measures frames that the other side takes as they are', () => {
  for (const frame of typicalFrames()) {
    const isAgents = frame.from === 'agent';
    const { text, bytes } = isAgents ? encodeAgentMessage(frame.message) : encodeControlMessage(frame.message);
    const decoded = isAgents ? decodeAgentMessage(text, bytes) : decodeControlMessage(text, bytes);
    expect([frame.name, decoded]).toEqual([frame.name, { kind: 'ok', message: frame.message }]);
  }
});
