import type { Kind } from './kinds.ts';
import { badRequest } from './refusal.ts';
import { at, numberAt, textAt } from './stored.ts';
import type { Stored } from './stored.ts';
import { labelValueFault, qualifiedNameFault, quoted } from './syntax.ts';

export type Match = (object: Stored) => boolean;

interface Requirement {
  readonly key: string;
  readonly holds: (value: string | undefined) => boolean;
}

const TOKEN = /\s*(==|=|!=|!|\(|\)|,|<|>|[^\s=!(),<>]+)\s*/y;
const OPERATORS = 'in, notin, =, ==, !=, gt, lt';

function tokens(selector: string): readonly string[] {
  const found: string[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(selector); match !== null; match = TOKEN.exec(selector)) found.push(match[1] ?? '');
  return found;
}

const unparsable = (why: string): Error => badRequest(`unable to parse requirement: ${why}`);

/** Reads one requirement after the other; errors are worded as the real parser words them. */
class SelectorParser {
  readonly #tokens: readonly string[];
  #next = 0;

  constructor(selector: string) {
    this.#tokens = tokens(selector);
  }

  parse(): readonly Requirement[] {
    const requirements: Requirement[] = [];
    if (this.#tokens.length === 0) return requirements;
    if (this.#peek() === ',') throw badRequest("found ',', expected: !, identifier, or 'end of string'");
    for (;;) {
      requirements.push(this.#requirement());
      const separator = this.#take();
      if (separator === '') return requirements;
      if (separator !== ',') throw badRequest(`found '${separator}', expected: ',' or 'end of string'`);
      if (['', ',', ')'].includes(this.#peek()))
        throw badRequest(`found '${this.#peek()}', expected: identifier after ','`);
    }
  }

  #requirement(): Requirement {
    if (this.#peek() === '!') {
      this.#take();
      const key = this.#key();
      return { key, holds: (value) => value === undefined };
    }
    const key = this.#key();
    if (['', ','].includes(this.#peek())) return { key, holds: (value) => value !== undefined };
    const operator = this.#take();
    switch (operator) {
      case '=':
      case '==':
        return this.#equals(key, this.#value(key), true);
      case '!=':
        return this.#equals(key, this.#value(key), false);
      case 'in':
      case 'notin':
        return this.#among(key, this.#values(key), operator === 'in');
      default:
        throw unparsable(`found '${operator}', expected: ${OPERATORS}`);
    }
  }

  #equals(key: string, wanted: string, equal: boolean): Requirement {
    return { key, holds: (value) => (value === wanted) === equal };
  }

  #among(key: string, values: readonly string[], inside: boolean): Requirement {
    const set = new Set(values);
    return { key, holds: (value) => (value !== undefined && set.has(value)) === inside };
  }

  #key(): string {
    const key = this.#take();
    if (['', ',', '(', ')', '=', '==', '!='].includes(key)) throw unparsable(`found '${key}', expected: identifier`);
    const fault = qualifiedNameFault(key);
    if (fault !== undefined) throw unparsable(`<nil>: Invalid value: ${quoted(key)}: ${fault}`);
    return key;
  }

  #value(key: string): string {
    const value = ['', ','].includes(this.#peek()) ? '' : this.#take();
    if (['=', '==', '!=', '!', '(', ')'].includes(value)) throw unparsable(`found '${value}', expected: identifier`);
    return this.#checked(key, value, 0);
  }

  #values(key: string): readonly string[] {
    const open = this.#take();
    if (open !== '(') throw unparsable(`found '${open}' expected: '('`);
    const values: string[] = [];
    for (let token = this.#take(); token !== ')'; token = this.#take()) {
      if (token === '') throw unparsable(`found '', expected: ',' or ')'`);
      if (token !== ',') values.push(this.#checked(key, token, values.length));
    }
    return values.length === 0 ? [''] : values;
  }

  #checked(key: string, value: string, index: number): string {
    const fault = labelValueFault(value);
    if (fault !== undefined) throw unparsable(`values[${index}][${key}]: Invalid value: ${quoted(value)}: ${fault}`);
    return value;
  }

  #peek(): string {
    return this.#tokens[this.#next] ?? '';
  }

  #take(): string {
    const token = this.#peek();
    this.#next += 1;
    return token;
  }
}

/** Equality, sets, existence: `a=b,c!=d,e in (f,g),h notin (i),j,!k`. */
export function labelMatch(selector: string | undefined): Match {
  const requirements = new SelectorParser(selector ?? '').parse();
  if (requirements.length === 0) return () => true;
  return (object) => requirements.every(({ key, holds }) => holds(object.metadata.labels?.[key]));
}

/** Beside `metadata.name` and `metadata.namespace`, which all have. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  pods: [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'status.phase',
    'status.podIP',
    'status.nominatedNodeName',
  ],
  events: [
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'involvedObject.apiVersion',
    'involvedObject.resourceVersion',
    'involvedObject.fieldPath',
    'reason',
    'reportingComponent',
    'source',
    'type',
  ],
  'jobs.batch': ['status.successful'],
  secrets: ['type'],
  nodes: ['spec.unschedulable'],
  namespaces: ['status.phase'],
};

/** Kinds whose fields are refused in the older wording. */
const OLDER_WORDING = new Set(['pods', 'events', 'nodes', 'namespaces', 'secrets']);

function unsupported(kind: Kind, field: string): Error {
  if (OLDER_WORDING.has(kind.resource)) return badRequest(`field label not supported: ${field}`);
  return badRequest(`field label "${field}" not supported for ${kind.kind}`);
}

function fieldValue(kind: Kind, object: Stored, field: string): string {
  if (kind.resource === 'jobs.batch' && field === 'status.successful') {
    return String(numberAt(object, 'status', 'succeeded') ?? 0);
  }
  if (kind.resource === 'events' && field === 'source') return textAt(object, 'source', 'component') ?? '';
  const value = at(object, ...field.split('.'));
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

/** `metadata.name=x,status.phase!=Running`. */
export function fieldMatch(kind: Kind, selector: string | undefined): Match {
  const known = new Set(['metadata.name', 'metadata.namespace', ...(FIELDS[kind.resource] ?? [])]);
  const parts = (selector ?? '').split(',').filter((part) => part !== '');
  const terms = parts.map((part) => {
    const compared = /^([^=!]+)(==|=|!=)(.*)$/.exec(part);
    if (compared === null) throw badRequest(`invalid selector: '${selector ?? ''}'; can't understand '${part}'`);
    const [, field = '', operator, wanted = ''] = compared;
    if (!known.has(field)) throw unsupported(kind, field);
    return { field, equal: operator !== '!=', wanted };
  });
  return (object) => terms.every(({ field, equal, wanted }) => (fieldValue(kind, object, field) === wanted) === equal);
}
