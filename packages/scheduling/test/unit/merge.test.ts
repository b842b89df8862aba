import {
  mergeLayers,
  parsePipelineTypeConfigs,
  parseResourceVariables,
  placementFor,
  typesWithoutEntry,
  PIPELINE_TYPES,
} from '@runner/scheduling';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const VARIABLE = 'SIMPLEK8S_PIPELINE_TYPE_CONFIGS' as const;
const settings = (types: unknown, env: Record<string, string> = {}) => ({
  variable: VARIABLE,
  types: parsePipelineTypeConfigs(VARIABLE, JSON.stringify(types)),
  ingestion: parseResourceVariables('INGESTION', env).layers,
  automation: parseResourceVariables('INGESTION_AUTOMATION_WORKFLOW', env).layers,
});

describe('mergeLayers', () => {
  it('merges maps by key, appends tolerations without duplicates and replaces other lists', () => {
    const { value, explanation } = mergeLayers([
      { source: 'a', value: { nodeSelector: { disk: 'ssd', zone: 'x' }, tolerations: [{ key: 't' }], list: [1, 2] } },
      { source: 'b', value: { nodeSelector: { disk: 'hdd' }, tolerations: [{ key: 't' }, { key: 'u' }], list: [3] } },
    ]);
    expect(value).toEqual({
      nodeSelector: { disk: 'hdd', zone: 'x' },
      tolerations: [{ key: 't' }, { key: 'u' }],
      list: [3],
    });
    expect(explanation).toEqual([
      { path: 'nodeSelector.disk', source: 'b' },
      { path: 'nodeSelector.zone', source: 'a' },
      { path: 'tolerations[0]', source: 'a' },
      { path: 'tolerations[1]', source: 'b' },
      { path: 'list', source: 'b' },
    ]);
  });

  const layer = fc.record({
    source: fc.constantFrom('a', 'b', 'c'),
    value: fc.dictionary(
      fc.constantFrom('tolerations', 'nodeSelector', 'resources', '__proto__', 'x'),
      fc.oneof(fc.jsonValue(), fc.array(fc.record({ key: fc.constantFrom('t', 'u', 'v') }))),
      { noNullPrototype: true },
    ),
  });

  it('gives the same when a layer is said twice in a row', () => {
    fc.assert(
      fc.property(fc.array(layer, { maxLength: 4 }), (layers) => {
        expect(mergeLayers([...layers, ...layers.slice(-1)]).value).toEqual(mergeLayers(layers).value);
      }),
    );
  });

  it('gives its own result back when that is merged again', () => {
    fc.assert(
      fc.property(fc.array(layer, { maxLength: 4 }), (layers) => {
        const once = mergeLayers(layers).value;
        expect(mergeLayers([{ source: 'again', value: once }]).value).toEqual(once);
      }),
    );
  });

  it('changes none of its layers and shares nothing with them', () => {
    fc.assert(
      fc.property(fc.array(layer, { maxLength: 3 }), (layers) => {
        const before = structuredClone(layers);
        const { value } = mergeLayers(layers);
        for (const key of Object.keys(value)) (value as Record<string, unknown>)[key] = 'spoilt';
        expect(layers).toEqual(before);
      }),
    );
  });

  it('keeps a key named __proto__ an ordinary key', () => {
    const hostile = JSON.parse('{"__proto__": {"polluted": true}}') as Record<string, unknown>;
    mergeLayers([{ source: 'a', value: hostile }]);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('placementFor', () => {
  it('lets the stronger setting win for each field and says which it was', () => {
    const { placement, explanation, problems } = placementFor(
      'metadata',
      settings({ metadata: { resources: { limits: { cpu: '2' } } } }, { INGESTION_MEMORY_LIMIT: '8Gi' }),
    );
    expect(problems).toEqual([]);
    expect(placement.resources).toEqual({
      requests: { cpu: '1000m', memory: '4096Mi' },
      limits: { cpu: '2', memory: '8Gi' },
    });
    expect(Object.fromEntries(explanation.map((e) => [e.path, e.source]))).toEqual({
      'resources.requests.cpu': 'built-in',
      'resources.requests.memory': 'built-in',
      'resources.limits.cpu': `${VARIABLE} metadata`,
      'resources.limits.memory': 'INGESTION_MEMORY_LIMIT',
    });
  });

  it('gives automations their own variables and defaults', () => {
    const env = { INGESTION_CPU_LIMIT: '4', INGESTION_AUTOMATION_WORKFLOW_CPU_LIMIT: '600m' };
    expect(placementFor('automation', settings({}, env)).placement.resources).toEqual({
      requests: { cpu: '200m', memory: '256Mi' },
      limits: { cpu: '600m', memory: '512Mi' },
    });
  });

  it('says when a request is above a limit that comes from elsewhere', () => {
    const { problems } = placementFor('metadata', settings({}, { INGESTION_MEMORY_LIMIT: '1Gi' }));
    expect(problems).toMatchObject([{ code: 'request_above_limit', path: 'metadata.resources.requests.memory' }]);
  });

  it('lets nothing of one type leak into another', () => {
    const type = fc.constantFrom(...PIPELINE_TYPES);
    const entry = fc.record(
      {
        nodeSelector: fc.dictionary(fc.constantFrom('disk', 'zone'), fc.constantFrom('a', 'b')),
        tolerations: fc.array(fc.record({ key: fc.constantFrom('t', 'u'), operator: fc.constant('Exists') })),
        priorityClassName: fc.constantFrom('high', 'low'),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(type, entry, type, entry, (one, first, other, second) => {
        fc.pre(one !== other);
        const both = placementFor(one, settings({ [one]: first, [other]: second })).placement;
        expect(both).toEqual(placementFor(one, settings({ [one]: first })).placement);
      }),
    );
  });

  it('names the types that have no entry, once some have one', () => {
    expect(typesWithoutEntry(settings({ metadata: {} }).types, ['metadata', 'profiler'])).toEqual(['profiler']);
    expect(typesWithoutEntry(settings({}).types, ['metadata', 'profiler'])).toEqual([]);
  });
});

describe('resource variables', () => {
  it('are checked one by one and against each other', () => {
    const { problems } = parseResourceVariables('INGESTION', {
      INGESTION_CPU_LIMIT: '1',
      INGESTION_CPU_REQUEST: '1500m',
      INGESTION_MEMORY_LIMIT: '4GB',
    });
    expect(problems.map((p) => [p.source, p.code])).toEqual([
      ['INGESTION_MEMORY_LIMIT', 'invalid_quantity'],
      ['INGESTION_CPU_REQUEST', 'request_above_limit'],
    ]);
  });
});
