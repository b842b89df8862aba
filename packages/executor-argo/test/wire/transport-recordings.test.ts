import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WORKFLOWS } from '../../src/workflow/objects.ts';
import type { Recording } from '../support/recording.ts';
import { recording } from '../support/recording.ts';
import type { MemoryArgo } from '../support/transport-subject.ts';
import { memoryArgo, NAMESPACE, OFFICIAL_RIGHTS, workflow } from '../support/transport-subject.ts';

/** Refusals that the server in memory has to word as the real one does. */
const REFUSALS = readdirSync(join(import.meta.dirname, '..', 'recordings', 'server'))
  .map((file) => file.replace('.json', ''))
  .filter((name) => recording(name).status >= 400)
  // What is wrong with a selector, a version or JSON is said in the words of a library.
  .filter(
    (name) =>
      !['list-bad-selector', 'watch-invalid', 'create-not-json', 'log-bad-time', 'log-forbidden'].includes(name),
  )
  // By the limits of real ones.
  .filter((name) => !name.endsWith('too-large'));

async function prepared(): Promise<MemoryArgo> {
  const memory = await memoryArgo();
  const done = workflow('red-1');
  const object = { ...done, metadata: { ...done.metadata, namespace: NAMESPACE } };
  memory.api.put(WORKFLOWS, object);
  memory.api.put(WORKFLOWS, { ...object, status: { phase: 'Succeeded' } });
  memory.api.put(WORKFLOWS, { ...object, metadata: { name: 'other', namespace: NAMESPACE } });
  memory.api.fault({ kind: 'expire' });
  return memory;
}

function tokenFor(memory: MemoryArgo, name: string): string | undefined {
  if (name === 'no-token') return undefined;
  if (name === 'unauthorized') return 'not-a-token';
  return memory.api.token(name.endsWith('forbidden') ? [] : OFFICIAL_RIGHTS);
}

function bodyFor(name: string): string | undefined {
  if (name === 'create-taken' || name === 'create-forbidden') return JSON.stringify({ workflow: workflow('red-1') });
  if (name === 'create-invalid') return JSON.stringify({ workflow: { spec: { entrypoint: 'none', templates: [] } } });
  return undefined;
}

/** Without what differs from one place to another. */
const plain = (text: string): string =>
  text
    .replaceAll(/User \\*"[^"\\]*\\*"/g, 'User')
    .replaceAll(/version: 1 \(\d+\)/g, 'version: 1')
    .replaceAll(/\s+/g, ' ');

function wire({ body, text }: Recording): unknown {
  const inner = text?.replace(/^data:/, '');
  return sorted(inner === undefined ? body : (JSON.parse(inner) as unknown));
}

const sorted = (value: unknown): string => plain(JSON.stringify(value, keysOf(value)));

function keysOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return [...new Set(Object.entries(value).flatMap(([key, inner]) => [key, ...keysOf(inner)]))].sort();
}

describe('the Argo Server in memory answers as the real one did', () => {
  it.each(REFUSALS)('%s', async (name) => {
    await using memory = await prepared();
    const recorded = recording(name);
    const token = tokenFor(memory, name);
    const sse = recorded.contentType === 'text/event-stream';
    const body = bodyFor(name);
    const answer = await fetch(memory.server.url + recorded.request.path, {
      method: recorded.request.method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(sse ? { accept: 'text/event-stream' } : {}),
      },
      ...(body === undefined ? {} : { body }),
    });
    const text = await answer.text();
    expect([answer.status, answer.headers.get('content-type')]).toEqual([recorded.status, recorded.contentType]);
    expect(wire({ ...recorded, text })).toEqual(wire(recorded));
  });
});
