import type { DescribedPlace } from './described-fields.ts';
import type { PointerSegment } from './pointer.ts';

/** A JSON Schema of any draft, as parsed JSON. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Schemas that hold for a value at the same place as the schema they stand in. */
const LISTS_BESIDE = ['allOf', 'anyOf', 'oneOf'] as const;
const SCHEMAS_BESIDE = ['if', 'then', 'else', 'not'] as const;
const MAPS_BESIDE = ['dependentSchemas', 'dependencies'] as const;
/** Schemas of the elements of an array; `items` of older drafts may be a list. */
const OF_ELEMENTS = ['items', 'additionalItems', 'contains', 'unevaluatedItems'] as const;
const OF_OTHER_PROPERTIES = ['additionalProperties', 'unevaluatedProperties'] as const;

/** So many schemas for one place, and so many places of a document for its ids, are more than any schema has. */
const MOST_SCHEMAS = 2_000;
const MOST_NODES = 200_000;
/** Longer keys are matched with `patternProperties` by their beginning. */
const LONGEST_KEY = 256;

interface Here {
  readonly schemas: readonly JsonSchema[];
  /** All of them could be read: no reference leads out of the document. */
  readonly whole: boolean;
}

/**
 * Fields of a JSON Schema: one is masked when any schema that may hold for it says `"format": "password"`, whichever
 * branch of `oneOf` or `anyOf` the rest of the value takes. What the schema does not declare is unknown, and so is what
 * stands behind a `$ref` out of the document.
 */
export function schemaPlace(root: JsonSchema): DescribedPlace {
  const resolve = referenceResolver(root);
  const place = (given: readonly unknown[], masked: boolean, top: boolean): DescribedPlace => {
    const here = schemasHere(given, resolve);
    const own = masked || here.schemas.some(({ format }) => format === 'password');
    return {
      masked: own,
      known: here.whole && here.schemas.length > 0,
      child: (segment) => {
        const below = here.schemas.flatMap((schema) => childSchemas(schema, segment));
        // The schema describes what stands in `config`; the object that holds it may be given as well.
        if (top && segment === 'config' && below.length === 0) return place(given, own, false);
        return place(below, own, false);
      },
    };
  };
  return place([root], false, true);
}

function schemasHere(given: readonly unknown[], resolve: (reference: string) => unknown): Here {
  const schemas = new Set<JsonSchema>();
  let whole = true;
  const queue: unknown[] = [...given];
  while (queue.length > 0 && schemas.size < MOST_SCHEMAS) {
    const next = queue.pop();
    if (!isSchema(next) || schemas.has(next)) continue;
    schemas.add(next);
    for (const keyword of ['$ref', '$dynamicRef', '$recursiveRef'] as const) {
      const reference = next[keyword];
      if (typeof reference !== 'string') continue;
      const target = resolve(reference);
      if (target === undefined) whole = false;
      else queue.push(target);
    }
    queue.push(...besides(next));
  }
  return { schemas: [...schemas], whole: whole && queue.length === 0 };
}

function besides(schema: JsonSchema): readonly unknown[] {
  return [
    ...LISTS_BESIDE.flatMap((keyword) => listOf(schema[keyword])),
    ...SCHEMAS_BESIDE.map((keyword) => schema[keyword]),
    ...MAPS_BESIDE.flatMap((keyword) => (isSchema(schema[keyword]) ? Object.values(schema[keyword]) : [])),
  ];
}

function childSchemas(schema: JsonSchema, segment: PointerSegment): readonly unknown[] {
  if (typeof segment === 'number') {
    const elements = [schema['prefixItems'], ...OF_ELEMENTS.map((keyword) => schema[keyword])];
    return elements.flatMap((each) => (Array.isArray(each) ? (each as readonly unknown[]) : [each])).filter(isSchema);
  }
  const { properties, patternProperties } = schema;
  const declared: unknown[] = [];
  if (isSchema(properties) && Object.hasOwn(properties, segment)) declared.push(properties[segment] ?? true);
  if (isSchema(patternProperties)) {
    for (const [pattern, each] of Object.entries(patternProperties)) {
      if (matches(pattern, segment)) declared.push(each);
    }
  }
  if (declared.length > 0) return declared.map(asSchema);
  return OF_OTHER_PROPERTIES.map((keyword) => schema[keyword]).filter(isSchema);
}

/** A pattern that cannot be read may mean any key. */
function matches(pattern: string, key: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(key.slice(0, LONGEST_KEY));
  } catch {
    return true;
  }
}

/** `true` declares a field and says nothing about it. */
function asSchema(value: unknown): JsonSchema {
  return isSchema(value) ? value : {};
}

/** Follows `#/…`, `#name`, and the `$id` of a schema that is part of the document. */
function referenceResolver(root: JsonSchema): (reference: string) => unknown {
  const base = baseOf(root['$id'] ?? root['id']);
  let named: ReadonlyMap<string, JsonSchema> | undefined;
  return (reference) => {
    const absolute = absoluteOf(reference, base);
    const at = absolute.indexOf('#');
    const [document, fragment] = at < 0 ? [absolute, ''] : [absolute.slice(0, at), absolute.slice(at + 1)];
    named ??= namedSchemas(root, base);
    const anchored = fragment === '' || fragment.startsWith('/') ? undefined : named.get(`${document}#${fragment}`);
    if (anchored !== undefined) return anchored;
    const start = document === base ? root : named.get(document);
    return start === undefined || (fragment !== '' && !fragment.startsWith('/'))
      ? undefined
      : atPointer(start, fragment);
  };
}

function namedSchemas(root: JsonSchema, rootBase: string): ReadonlyMap<string, JsonSchema> {
  const named = new Map<string, JsonSchema>();
  const queue: { readonly node: unknown; readonly base: string }[] = [{ node: root, base: rootBase }];
  for (let seen = 0; queue.length > 0 && seen < MOST_NODES; seen += 1) {
    const { node, base } = queue.pop() ?? { node: undefined, base: rootBase };
    if (Array.isArray(node)) queue.push(...node.map((each: unknown) => ({ node: each, base })));
    if (!isSchema(node)) continue;
    const id = node['$id'] ?? node['id'];
    const own = typeof id === 'string' ? absoluteOf(id, base) : base;
    if (typeof id === 'string') named.set(own.replace(/#$/, ''), node);
    for (const anchor of [node['$anchor'], node['$dynamicAnchor']]) {
      if (typeof anchor === 'string') named.set(`${own.replace(/#.*$/s, '')}#${anchor}`, node);
    }
    queue.push(...Object.values(node).map((each) => ({ node: each, base: own.replace(/#.*$/s, '') })));
  }
  return named;
}

/** Stands before names that are relative to nothing. */
const NOWHERE = 'schema:/';

const baseOf = (id: unknown): string =>
  typeof id === 'string' ? absoluteOf(id, NOWHERE).replace(/#.*$/s, '') : NOWHERE;

function absoluteOf(reference: string, base: string): string {
  return URL.canParse(reference, base) ? new URL(reference, base).href : reference;
}

function atPointer(start: unknown, fragment: string): unknown {
  let node = start;
  for (const part of fragment.split('/').slice(1)) {
    const key = decoded(part).replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, key)) return undefined;
    node = (node as JsonSchema)[key];
  }
  return node === true ? {} : node;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as readonly unknown[]) : []);

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
