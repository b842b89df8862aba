import type { Kind } from './kinds.ts';
import { badRequest } from './refusal.ts';
import { at, numberAt, textAt } from './stored.ts';
import type { Stored } from './stored.ts';

export type Match = (object: Stored) => boolean;

interface Requirement {
  readonly key: string;
  readonly holds: (value: string | undefined) => boolean;
}

const KEY = /^([A-Za-z0-9.-]+\/)?[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/;
const VALUE = /^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$/;
const SET = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/;

/** Splits at commas outside parentheses. */
function parts(selector: string): readonly string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part, _, all) => part !== '' || all.length > 1);
}

function checked(key: string, values: readonly string[]): string {
  if (!KEY.test(key))
    throw badRequest(
      `unable to parse requirement: <nil>: Invalid value: "${key}": name part must consist of alphanumeric characters`,
    );
  const wrong = values.find((value) => !VALUE.test(value) || value.length > 63);
  if (wrong !== undefined) {
    throw badRequest(
      `unable to parse requirement: values[0][${key}]: Invalid value: "${wrong}": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`,
    );
  }
  return key;
}

function requirement(part: string): Requirement {
  const set = SET.exec(part);
  if (set !== null) {
    const [, key = '', operator, list = ''] = set;
    const values = list.split(',').map((value) => value.trim());
    checked(key, values);
    const among = new Set(values);
    return operator === 'in'
      ? { key, holds: (value) => value !== undefined && among.has(value) }
      : { key, holds: (value) => value === undefined || !among.has(value) };
  }
  const compared = /^([^=!\s]+)\s*(==|=|!=)\s*(.*)$/.exec(part);
  if (compared !== null) {
    const [, key = '', operator, wanted = ''] = compared;
    if (wanted.startsWith('=')) throw badRequest(`unable to parse requirement: found '=', expected: identifier`);
    checked(key, [wanted]);
    return operator === '!='
      ? { key, holds: (value) => value !== wanted }
      : { key, holds: (value) => value === wanted };
  }
  if (part.startsWith('!')) {
    return { key: checked(part.slice(1).trim(), []), holds: (value) => value === undefined };
  }
  return { key: checked(part, []), holds: (value) => value !== undefined };
}

/** Equality, sets, existence: `a=b,c!=d,e in (f,g),h notin (i),j,!k`. */
export function labelMatch(selector: string | undefined): Match {
  const requirements = parts(selector ?? '').map(requirement);
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

function unsupported(kind: Kind, field: string): Error {
  // Each kind says it in its own way.
  if (kind.resource === 'pods' || kind.resource === 'events') return badRequest(`field label not supported: ${field}`);
  return badRequest(`field label "${field}" not supported for ${kind.kind}`);
}

function fieldValue(kind: Kind, object: Stored, field: string): string {
  if (kind.resource === 'jobs.batch' && field === 'status.successful')
    return String(numberAt(object, 'status', 'succeeded') ?? 0);
  if (kind.resource === 'events' && field === 'source') return textAt(object, 'source', 'component') ?? '';
  const value = at(object, ...field.split('.'));
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

/** `metadata.name=x,status.phase!=Running`. */
export function fieldMatch(kind: Kind, selector: string | undefined): Match {
  const terms = parts(selector ?? '').map((part) => {
    const compared = /^([^=!]+)(==|=|!=)(.*)$/.exec(part);
    if (compared === null) throw badRequest(`invalid selector: '${selector ?? ''}'; can't understand '${part}'`);
    const [, field = '', operator, wanted = ''] = compared;
    const known = ['metadata.name', 'metadata.namespace', ...(FIELDS[kind.resource] ?? [])];
    if (!known.includes(field)) throw unsupported(kind, field);
    return { field, equal: operator !== '!=', wanted };
  });
  return (object) => terms.every(({ field, equal, wanted }) => (fieldValue(kind, object, field) === wanted) === equal);
}
