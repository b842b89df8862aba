import type { Value, ValueType } from './values.ts';
import { isMap } from './values.ts';

type Schema = Record<string, unknown>;

/** Written as Kubernetes writes amounts of CPU and memory. */
const QUANTITY = '^$|^\\+?(\\d+(\\.\\d*)?|\\.\\d+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?\\d+)?$';

const KINDS: Readonly<Record<string, Schema>> = {
  string: { type: 'string' },
  text: { type: ['string', 'number', 'boolean'] },
  count: {
    anyOf: [
      { type: 'integer', minimum: 0 },
      { type: 'string', pattern: '^\\d+$' },
    ],
  },
  seconds: {
    anyOf: [
      { type: 'number', minimum: 0 },
      { type: 'string', pattern: '^(\\d+(\\.\\d+)?)?$' },
    ],
  },
  flag: { enum: [true, false, 'true', 'false', ''] },
  boolean: { type: 'boolean' },
  list: { type: 'array' },
  map: { type: 'object' },
  null: { type: 'null' },
  names: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: ['string', 'object'] } }] },
  quantity: {
    anyOf: [
      { type: 'number', minimum: 0 },
      { type: 'string', pattern: QUANTITY },
    ],
  },
};

/**
 * The JSON schema of a values file: types, words and forms. Unknown keys are refused only when `closed`; the agent's chart
 * names them in a template, which can say what was meant.
 */
export function schemaOf(values: readonly Value[], options: { readonly closed: boolean }): Schema {
  const root: Schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    ...branch(options.closed),
  };
  for (const value of values) {
    const parents = value.path.split('.');
    const key = parents.pop() ?? '';
    const parent = parents.reduce<Schema>((found, name) => below(found, name, options.closed), root);
    for (const name of [key, value.alias]) {
      if (name !== undefined) properties(parent)[name] = { description: value.meaning, ...typeSchema(value.type) };
    }
  }
  if (options.closed) properties(root)['global'] = { type: 'object' };
  return root;
}

function branch(closed: boolean): Schema {
  return { type: 'object', ...(closed ? { additionalProperties: false } : {}), properties: {} };
}

function below(parent: Schema, name: string, closed: boolean): Schema {
  const found = properties(parent)[name];
  if (isMap(found)) return found;
  const made = branch(closed);
  properties(parent)[name] = made;
  return made;
}

function properties(schema: Schema): Schema {
  const found = schema['properties'];
  if (!isMap(found)) throw new Error('a key stands below one that holds a value');
  return found;
}

function typeSchema(type: ValueType): Schema {
  const kinds = [...type, ...(type.includes('map') && type.length > 1 ? ['null'] : [])].map((word) => KINDS[word]);
  if (kinds.every((kind) => kind !== undefined)) {
    const [only] = kinds;
    return kinds.length === 1 && only !== undefined ? only : { anyOf: kinds };
  }
  return { enum: type };
}
