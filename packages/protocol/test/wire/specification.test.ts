import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import {
  AGENT_MESSAGE_TYPES,
  BRIDGE_PATH,
  CLOSE,
  CONTROL_MESSAGE_TYPES,
  LIMITS,
  SUBPROTOCOL,
  agentMessageSchema,
  controlMessageSchema,
  decodeAgentMessage,
  decodeControlMessage,
  diagnosisSchema,
  observationSchema,
  outcomeSchema,
  runStartSchema,
  slotsSchema,
} from '@runner/protocol';

const SPECIFICATION = readFileSync(new URL('../../PROTOCOL.md', import.meta.url), 'utf8');
const chapters = SPECIFICATION.split(/^## /m);
const chapter = (number: number): string => chapters.find((text) => text.startsWith(`${number} `)) ?? '';
const AGENT_CHAPTER = 6;
const CONTROL_CHAPTER = 7;

/** The text below a `###` heading of a chapter. */
function section(chapterText: string, heading: string): string {
  return chapterText.split(/^### /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
}

function tableRows(text: string): string[][] {
  const rows = text.split('\n').filter((line) => line.startsWith('|') && !/^\|[\s|:-]+\|$/.test(line));
  return rows.map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** Field name → whether the table calls it required. */
function fieldsOf(text: string): Record<string, boolean> {
  const rows = tableRows(text).filter(([name = '']) => name.startsWith('`'));
  return Object.fromEntries(rows.map(([name = '', , need]) => [name.replaceAll('`', ''), need === 'required']));
}

function fieldsOfSchema({
  shape,
}: {
  readonly shape: Readonly<Record<string, z.core.$ZodType>>;
}): Record<string, boolean> {
  const entries = Object.entries(shape).filter(([name]) => name !== 'type');
  return Object.fromEntries(
    entries.map(([name, schema]) => [name, !['optional', 'default'].includes(schema._zod.def.type)]),
  );
}

describe('the specification', () => {
  const examples = [...SPECIFICATION.matchAll(/^```json (\S+)\n([\s\S]*?)^```$/gm)].map(([, direction, text = '']) => ({
    direction,
    text,
    type: (JSON.parse(text) as { type: string }).type,
  }));

  it('has an example of every message', () => {
    expect(SPECIFICATION.match(/^```json/gm)?.length).toBe(examples.length);
    const shown = new Set(examples.map(({ type }) => type));
    expect([...AGENT_MESSAGE_TYPES, ...CONTROL_MESSAGE_TYPES].filter((type) => !shown.has(type))).toEqual([]);
  });

  it.each(examples)('shows a valid frame of $direction: $type', ({ direction, text, type }) => {
    expect(['agent', 'control-plane']).toContain(direction);
    const decode = direction === 'agent' ? decodeAgentMessage : decodeControlMessage;
    expect(decode(text, Buffer.byteLength(text))).toMatchObject({ kind: 'ok', message: { type } });
  });

  it('says of every close code what the code says', () => {
    const rows = tableRows(chapter(13)).filter(([code = '']) => /^\d+$/.test(code));
    expect(rows).toEqual(
      Object.values(CLOSE).map(({ code, name, sentBy, retry, operator }) => [
        String(code),
        `\`${name}\``,
        sentBy,
        retry,
        operator,
      ]),
    );
  });

  it.each(agentMessageSchema.options.map((schema) => ({ type: schema.shape.type.value, schema })))(
    'lists the fields of the agent message $type',
    ({ type, schema }) => {
      const text = section(chapter(AGENT_CHAPTER), `\`${type}\``);
      expect(text).not.toBe('');
      expect(fieldsOf(text)).toEqual(fieldsOfSchema(schema));
    },
  );

  it.each(
    controlMessageSchema.options
      .map((schema) => ({ type: schema.shape.type.value, schema }))
      .filter(({ type }) => type !== 'ping' && type !== 'pong'),
  )('lists the fields of the control plane message $type', ({ type, schema }) => {
    const text = section(chapter(CONTROL_CHAPTER), `\`${type}\``);
    expect(text).not.toBe('');
    expect(fieldsOf(text)).toEqual(fieldsOfSchema(schema));
  });

  it.each([
    ['Slots', slotsSchema],
    ['Diagnosis', diagnosisSchema],
    ['Outcome', outcomeSchema],
    ['Run', runStartSchema],
  ])('lists the fields of the shape %s', (heading, schema) => {
    expect(fieldsOf(section(chapter(5), heading))).toEqual(fieldsOfSchema(schema));
  });

  it('lists the fields of each form of an observation', () => {
    const rows = tableRows(section(chapter(5), 'Observation')).filter(([name = '']) => name.startsWith('`'));
    const forms = { present: 2, absent: 3, unknown: 4 };
    for (const schema of observationSchema.options) {
      const column = forms[schema.shape.presence.value];
      const listed = rows.filter((row) => row[column] !== '–');
      const fields = listed.map((row) => [(row[0] ?? '').replaceAll('`', ''), row[column] === 'required'] as const);
      expect(Object.fromEntries(fields)).toEqual(fieldsOfSchema(schema));
    }
  });

  it('names the constants of the code', () => {
    for (const constant of [BRIDGE_PATH, SUBPROTOCOL]) expect(chapter(2)).toContain(`\`${constant}\``);
    const numbers = [LIMITS.frameBytes, LIMITS.depth, LIMITS.pageRuns, LIMITS.levelRuns, LIMITS.logDataBytes];
    const lengths = [LIMITS.logStreams, LIMITS.idLength, LIMITS.textLength, LIMITS.logTailLength];
    for (const limit of [...numbers, ...lengths]) expect(SPECIFICATION).toContain(limit.toLocaleString('en-US'));
  });
});
