import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { SECRETS_MANAGER_PROVIDERS } from '@runner/executor';
import { expect, test } from 'vitest';
import type { Value } from '../../src/index.ts';
import {
  AGENT_CHART,
  CONTROL_PLANE_CHART,
  derivedFiles,
  keyTree,
  readValues,
  schemaOf,
  tableOf,
  withTable,
} from '../../src/index.ts';

const TEXT = `# A head that belongs to no key.

# How many.
# @type count
replicas: 1
config:
  # A name.
  # @alias nick
  name: ''
  # One of two.
  # @type |left|right
  # @added
  side: ''
# Anything.
# @open
labels:
  a: b
  c: d
# A list or a text.
# @type string|list|map
extra: null
`;

test.each([
  ['agent', { folder: AGENT_CHART, replaces: true }],
  ['control plane', { folder: CONTROL_PLANE_CHART, replaces: false }],
])('what follows from the values of the %s is written down as it is now', async (_, place) => {
  for (const { path, text } of await derivedFiles(place)) {
    expect(`${relative(place.folder, path)}\n${await readFile(path, 'utf8')}`).toBe(
      `${relative(place.folder, path)}\n${text}`,
    );
  }
});

test.each([AGENT_CHART, CONTROL_PLANE_CHART])('every value in %s says what it means', async (folder) => {
  const values = readValues(await readFile(`${folder}/values.yaml`, 'utf8'));
  // A few stand together under one sentence, as probes do.
  const silent = values.filter(({ meaning }) => meaning === '').map(({ path }) => path);
  expect(silent.filter((path) => !['envFrom', 'readinessProbe', 'startupProbe'].includes(path))).toEqual([]);
});

test('a value is its path, its comment and its marks', () => {
  const values = readValues(TEXT);
  expect(values.map(({ path }) => path)).toEqual(['replicas', 'config.name', 'config.side', 'labels', 'extra']);
  expect(values[0]).toEqual({
    path: 'replicas',
    meaning: 'How many.',
    default: 1,
    type: ['count'],
    open: false,
    added: false,
    needed: false,
  });
  expect(values[1]).toMatchObject({ alias: 'nick', type: ['string'] });
  expect(values[2]).toMatchObject({ type: ['', 'left', 'right'], added: true });
  expect(values[3]).toMatchObject({ open: true, default: { a: 'b', c: 'd' } });
});

test('a line that is no key is not passed over', () => {
  expect(() => readValues('a: 1\n- b\n')).toThrow();
});

test('known keys are a tree with the other names in it, each with what an empty one means', () => {
  expect(keyTree(readValues(TEXT))).toEqual({
    replicas: [1, 1],
    config: { name: ['', ''], nick: ['', ''], side: ['', ''] },
    labels: [{}, { a: 'b', c: 'd' }],
    extra: ['', ''],
  });
});

test('nothing is no answer for a key that is needed, nor for a choice without an empty word', () => {
  const text = '# A word.\n# @type left|right\nside: left\n# A place.\n# @needed\nplace: here\n# Names.\nnames: [a]\n';
  expect(keyTree(readValues(text))).toEqual({
    side: ['left', 'left'],
    place: ['here', 'here'],
    names: [[], ['a']],
  });
});

test('the schema takes each form of a value, and unknown keys unless it is closed', () => {
  const schema = schemaOf(readValues(TEXT), { closed: false });
  expect(schema).toMatchObject({
    properties: {
      config: { properties: { side: { enum: ['', 'left', 'right'] }, nick: { type: 'string' } } },
      extra: { anyOf: [{ type: 'string' }, { type: 'array' }, { type: 'object' }, { type: 'null' }] },
    },
  });
  expect(JSON.stringify(schema)).not.toContain('additionalProperties');
  expect(schemaOf(readValues(TEXT), { closed: true })).toMatchObject({
    additionalProperties: false,
    properties: { config: { additionalProperties: false }, global: { type: 'object' } },
  });
});

test('the table names defaults, choices and what is new', () => {
  const rows = tableOf(readValues(TEXT), { marksAdded: true }).split('\n');
  expect(rows).toContain('| `config.side` | – | One of two. One of `left`, `right`. | new |');
  expect(rows).toContain('| `config.name`, `config.nick` | – | A name. |  |');
});

test('a README without the marks of the table is refused', () => {
  expect(() => withTable('# A chart\n', '| a |')).toThrow('needs the lines');
});

test('the secrets managers of the chart are those of the agent that pods can use', async () => {
  const values = readValues(await readFile(`${AGENT_CHART}/values.yaml`, 'utf8'));
  const manager = values.find(({ path }: Value) => path === 'config.secretsManager');
  const pods = SECRETS_MANAGER_PROVIDERS.filter((name) => !['file', 'env'].includes(name));
  expect([...(manager?.type ?? [])].toSorted()).toEqual([...pods, 'noop', 'in-memory'].toSorted());
});
