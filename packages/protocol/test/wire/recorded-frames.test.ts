import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { AGENT_MESSAGE_TYPES, CONTROL_MESSAGE_TYPES, decodeAgentMessage, decodeControlMessage } from '@runner/protocol';

interface Recording {
  readonly direction: 'agent' | 'control-plane';
  readonly type: string;
  readonly samples: readonly { readonly name: string; readonly frame: unknown; readonly decoded: unknown }[];
}

// Frames as version 1 has sent them. Files here are added to, never edited: whoever reads version 1 reads these.
const FOLDER = new URL('v1/', import.meta.url);
const files = readdirSync(FOLDER).sort();
const recordings = files.map((file) => JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as Recording);

describe('recorded frames of version 1', () => {
  it('exist for every message of both directions', () => {
    expect(files).toEqual(
      [
        ...AGENT_MESSAGE_TYPES.map((type) => `agent.${type}.json`),
        ...CONTROL_MESSAGE_TYPES.map((type) => `control-plane.${type}.json`),
      ].sort(),
    );
  });

  it.each(recordings)('of $direction are read as they always were: $type', ({ direction, type, samples }) => {
    const decode = direction === 'agent' ? decodeAgentMessage : decodeControlMessage;
    expect(samples.length).toBeGreaterThan(0);
    for (const { name, frame, decoded } of samples) {
      const text = JSON.stringify(frame);
      expect([name, decode(text, Buffer.byteLength(text))]).toEqual([name, { kind: 'ok', message: decoded }]);
      expect(decoded).toMatchObject({ type });
    }
  });
});
