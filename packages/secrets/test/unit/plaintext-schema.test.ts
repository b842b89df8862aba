import type { JsonSchema } from '@runner/secrets';
import { findPlaintextSecrets } from '@runner/secrets';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MASKED_FIELDS } from '../../src/masked-fields.ts';

const found = (connection: unknown, schema: JsonSchema): string[] =>
  findPlaintextSecrets(connection, schema).map(({ level, code, pointer }) => `${level} ${code} ${pointer}`);
const PASSWORD = { type: 'string', format: 'password' };
const withDeep = (schema: unknown): JsonSchema => ({ type: 'object', properties: { deep: schema } });
const REFUSED = ['refuse plaintext_secret /deep'];

describe('a field of a JSON Schema', () => {
  it.each<[string, JsonSchema]>([
    ['by its own format', withDeep(PASSWORD)],
    ['by allOf', withDeep({ allOf: [{ type: 'string' }, { format: 'password' }] })],
    ['by one branch of anyOf', withDeep({ anyOf: [{ type: 'null' }, PASSWORD] })],
    ['by one branch of oneOf', withDeep({ oneOf: [{ type: 'string' }, PASSWORD] })],
    ['by then', withDeep({ if: { minLength: 1 }, then: PASSWORD })],
    ['by definitions', { ...withDeep({ $ref: '#/definitions/secret' }), definitions: { secret: PASSWORD } }],
    ['by $defs with escaped keys', { ...withDeep({ $ref: '#/$defs/a~1b%20c' }), $defs: { 'a/b c': PASSWORD } }],
    [
      'by references in a row',
      { ...withDeep({ $ref: '#/$defs/a' }), $defs: { a: { $ref: '#/$defs/b' }, b: PASSWORD } },
    ],
    ['by an anchor', { ...withDeep({ $ref: '#secret' }), $defs: { a: { $anchor: 'secret', ...PASSWORD } } }],
    [
      'by a bundled schema of another file',
      {
        $id: 'https://example.org/connections/db.json',
        ...withDeep({ $ref: '../common/basic.json#/definitions/secret' }),
        $defs: { basic: { $id: 'https://example.org/common/basic.json', definitions: { secret: PASSWORD } } },
      },
    ],
    ['by a pattern of keys', { patternProperties: { '^d': PASSWORD } }],
    ['by a pattern that cannot be read', { patternProperties: { '(': PASSWORD } }],
    ['by the schema of all other keys', { properties: { other: {} }, additionalProperties: PASSWORD }],
    ['by unevaluatedProperties', { unevaluatedProperties: PASSWORD }],
    ['by a schema of one branch of the whole', { oneOf: [{ properties: {} }, withDeep(PASSWORD)] }],
    ['by what another field brings along', { dependentSchemas: { user: withDeep(PASSWORD) } }],
  ])('is masked %s', (_how, schema) => {
    expect(found({ deep: 'hunter2' }, schema)).toEqual(REFUSED);
    expect(found({ deep: 'secret:x' }, schema)).toEqual([]);
    expect(found({ config: { deep: 'hunter2' } }, schema)).toEqual(['refuse plaintext_secret /config/deep']);
  });

  it.each<[string, JsonSchema]>([
    ['items', { items: PASSWORD }],
    ['items of the old kind', { items: [PASSWORD, PASSWORD] }],
    ['prefixItems', { prefixItems: [PASSWORD] }],
    ['contains', { contains: PASSWORD }],
  ])('is masked in a list by %s', (_how, schema) => {
    expect(found({ deep: ['hunter2', 'secret:x'] }, withDeep(schema))).toEqual(['refuse plaintext_secret /deep/0']);
  });

  it('is masked at any depth of a schema that holds itself', () => {
    const tree: JsonSchema = {
      $ref: '#/$defs/node',
      $defs: {
        node: {
          properties: {
            key: PASSWORD,
            left: { $ref: '#/$defs/node' },
            right: { anyOf: [{ $ref: '#' }, { type: 'null' }] },
          },
        },
      },
    };
    expect(found({ left: { right: { key: 'hunter2' } }, key: 'secret:x' }, tree)).toEqual([
      'refuse plaintext_secret /left/right/key',
    ]);
  });

  it('is found wherever the data of OpenMetadata has a masked field, from a schema that says the same', () => {
    for (const pointers of Object.values(MASKED_FIELDS)) {
      const keys = pointers.map((pointer) => pointer.slice(1).split('/'));
      const schema = {
        allOf: keys.map((path) => path.reduceRight<unknown>((of, key) => ({ properties: { [key]: of } }), PASSWORD)),
      };
      for (const path of keys) {
        const connection = path.reduceRight<unknown>((value, key) => ({ [key]: value }), 'hunter2');
        expect(found(connection, schema)).toEqual([`refuse plaintext_secret /${path.join('/')}`]);
      }
    }
  });

  it('that is declared and not masked is warned about when its name tells, and takes no reference', () => {
    const schema = { properties: { apiKey: { type: 'string' }, anything: true, hostPort: { type: 'string' } } };
    expect(found({ apiKey: 'k', anything: 'x', hostPort: 'secret:x' }, schema)).toEqual([
      'warn plaintext_suspected /apiKey',
      'warn reference_not_masked /hostPort',
    ]);
  });

  it.each<[string, JsonSchema]>([
    ['is not declared', { properties: { hostPort: {} } }],
    ['is declared in another file', { properties: { apiKey: { $ref: 'https://example.org/elsewhere.json' } } }],
    ['is declared where a reference leads nowhere', { properties: { apiKey: { $ref: '#/$defs/none' } } }],
    ['is in a schema of nothing', {}],
  ])('that %s is refused when its name tells', (_why, schema) => {
    expect(found({ apiKey: 'k' }, schema)).toEqual(['refuse plaintext_suspected /apiKey']);
    expect(found({ apiKey: 'secret:x' }, schema)).toEqual([]);
  });

  it('is masked in whichever way schemas are put into each other', () => {
    const wrapped = fc.letrec<{ schema: JsonSchema }>((tie) => ({
      schema: fc.oneof(
        { maxDepth: 6 },
        fc.constant<JsonSchema>(PASSWORD),
        fc
          .constantFrom('allOf', 'anyOf', 'oneOf')
          .chain((word) => tie('schema').map((inner): JsonSchema => ({ [word]: [{ type: 'string' }, inner] }))),
        tie('schema').map((inner): JsonSchema => ({ if: {}, else: inner })),
      ),
    })).schema;
    const path = fc.array(fc.constantFrom('a', 'b~c', 'd/e', 'config', '__proto__', '0'), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(wrapped, path, fc.boolean(), (leaf, keys, referred) => {
        const last = referred ? { $ref: '#/$defs/leaf' } : leaf;
        const described = keys.reduceRight<unknown>(
          (of, key) => ({ properties: Object.fromEntries([[key, of]]) }),
          last,
        );
        const connection = keys.reduceRight<unknown>((value, key) => Object.fromEntries([[key, value]]), 'hunter2');
        const findings = found(connection, { ...(described as JsonSchema), $defs: { leaf } });
        expect(findings).toHaveLength(1);
        expect(findings[0]).toMatch(/^refuse plaintext_secret /);
      }),
    );
  });

  it('is looked for without an error and with an end in any JSON that is called a schema', () => {
    const word = fc.constantFrom('properties', '$ref', 'allOf', 'items', 'additionalProperties', '$id', 'format', 'x');
    const node = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 6 },
        fc.constantFrom('#', '#/allOf/0', '#/properties/x', 'password', '%', 'a b', '#x', '//', 'http://['),
        fc.boolean(),
        fc.dictionary(word, tie('node')),
        fc.array(tie('node'), { maxLength: 3 }),
      ),
    })).node;
    const schemas = fc.dictionary(word, node);
    fc.assert(
      fc.property(schemas, fc.jsonValue(), (schema, connection) => {
        expect(Array.isArray(findPlaintextSecrets(connection, schema))).toBe(true);
        expect(Array.isArray(findPlaintextSecrets({ x: { x: ['y'], config: { format: 'x' } } }, schema))).toBe(true);
      }),
    );
  });
});
