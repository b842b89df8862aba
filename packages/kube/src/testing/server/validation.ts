import { parseQuantity } from '@runner/scheduling';
import type { Causes } from './field-checks.ts';
import { missing, tooLong, wrong } from './field-checks.ts';
import type { Kind } from './kinds.ts';
import { jobCauses, podSpecCauses } from './pod-validation.ts';
import { badRequest, invalid } from './refusal.ts';
import type { Json, Stored } from './stored.ts';
import { at, isJson, jsonAt, listAt, textAt } from './stored.ts';
import { configKeyFault, dnsLabelFault, labelValueFault, qualifiedNameFault, subdomainFault } from './syntax.ts';

const MOST_ANNOTATION_BYTES = 256 * 1024;
const MOST_DATA_BYTES = 1024 * 1024;

/** Throws 400 for what cannot be decoded and 422 with all that is wrong. `object` has its defaults. */
export function validateNew(kind: Kind, object: Json): void {
  const causes: Causes = [];
  const name = textAt(object, 'metadata', 'name') ?? '';
  if (name === '') missing(causes, 'metadata.name', 'name or generateName is required');
  else
    wrong(causes, 'metadata.name', name, kind.resource === 'namespaces' ? dnsLabelFault(name) : subdomainFault(name));
  labels(causes, 'metadata.labels', jsonAt(object, 'metadata', 'labels'));
  annotations(causes, jsonAt(object, 'metadata', 'annotations'));
  content(causes, kind, object);
  if (causes.length > 0) throw invalid(kind, name, causes);
}

/** The same for a change of an object that stands. */
export function validateChange(kind: Kind, object: Json, previous: Stored): void {
  const causes: Causes = [];
  const { name, uid } = previous.metadata;
  if (textAt(object, 'metadata', 'uid') !== uid) {
    wrong(causes, 'metadata.uid', textAt(object, 'metadata', 'uid'), 'field is immutable');
  }
  labels(causes, 'metadata.labels', jsonAt(object, 'metadata', 'labels'));
  annotations(causes, jsonAt(object, 'metadata', 'annotations'));
  content(causes, kind, object);
  immutable(causes, kind, object, previous);
  if (causes.length > 0) throw invalid(kind, name, causes);
}

function labels(causes: Causes, field: string, value: Json): void {
  for (const [key, label] of Object.entries(value)) {
    wrong(causes, field, key, qualifiedNameFault(key));
    wrong(causes, field, label, labelValueFault(String(label)));
  }
}

function annotations(causes: Causes, value: Json): void {
  let bytes = 0;
  for (const [key, text] of Object.entries(value)) {
    wrong(causes, 'metadata.annotations', key, qualifiedNameFault(key.toLowerCase()));
    bytes += Buffer.byteLength(key) + Buffer.byteLength(String(text));
  }
  if (bytes > MOST_ANNOTATION_BYTES) tooLong(causes, 'metadata.annotations', MOST_ANNOTATION_BYTES);
}

function content(causes: Causes, kind: Kind, object: Json): void {
  if (kind.resource === 'jobs.batch') {
    jobCauses(causes, object);
    labels(causes, 'spec.template.labels', jsonAt(object, 'spec', 'template', 'metadata', 'labels'));
    podSpecCauses(causes, 'spec.template.spec', jsonAt(object, 'spec', 'template', 'spec'), true);
  }
  if (kind.resource === 'pods') podSpecCauses(causes, 'spec', jsonAt(object, 'spec'), false);
  if (kind.resource === 'secrets' || kind.resource === 'configmaps') data(causes, kind, jsonAt(object, 'data'));
}

function data(causes: Causes, kind: Kind, value: Json): void {
  let bytes = 0;
  for (const [key, text] of Object.entries(value)) {
    wrong(causes, `data[${key}]`, key, configKeyFault(key));
    bytes += kind.kind === 'Secret' ? Buffer.from(String(text), 'base64').length : Buffer.byteLength(String(text));
  }
  if (bytes > MOST_DATA_BYTES) tooLong(causes, kind.kind === 'Secret' ? 'data' : '[]', MOST_DATA_BYTES);
}

/** Property order is not a difference. */
function same(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => same(item, b[i]));
  if (!isJson(a) || !isJson(b)) return a === b;
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((name) => same(a[name], b[name]));
}

function immutable(causes: Causes, kind: Kind, object: Json, previous: Stored): void {
  const check = (...path: readonly string[]): void => {
    const now = at(object, ...path);
    if (!same(now, at(previous, ...path))) wrong(causes, path.join('.'), now, 'field is immutable');
  };
  if (kind.resource === 'jobs.batch') {
    check('spec', 'selector');
    check('spec', 'completionMode');
    check('spec', 'completions');
    // A Job that never began may be placed anew while it is suspended (Kueue does); all else of the template stays.
    const neverBegan = at(previous, 'spec', 'suspend') === true && at(previous, 'status', 'startTime') === undefined;
    if (!neverBegan) check('spec', 'template');
    else for (const part of ['containers', 'restartPolicy', 'volumes']) check('spec', 'template', 'spec', part);
  }
  if (['secrets', 'configmaps'].includes(kind.resource) && at(previous, 'immutable') === true) check('data');
  if (kind.resource === 'secrets') check('type');
}

/** Throws 400 as the decoder does, for the fields that JavaScript gets wrong most. */
export function validateTypes(kind: Kind, object: Json): void {
  const fail = (why: string): never => {
    throw badRequest(`${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${why}`);
  };
  const texts = (value: unknown, field: string): void => {
    if (!isJson(value)) return;
    for (const item of Object.values(value)) if (typeof item !== 'string') fail(unmarshal(item, field));
  };
  texts(at(object, 'metadata', 'labels'), 'ObjectMeta.metadata.labels');
  texts(at(object, 'metadata', 'annotations'), 'ObjectMeta.metadata.annotations');
  const prefix = kind.resource === 'jobs.batch' ? ['spec', 'template'] : [];
  if (kind.resource !== 'jobs.batch' && kind.resource !== 'pods') return;
  if (prefix.length > 0) {
    texts(at(object, ...prefix, 'metadata', 'labels'), 'ObjectMeta.spec.template.metadata.labels');
    texts(at(object, ...prefix, 'metadata', 'annotations'), 'ObjectMeta.spec.template.metadata.annotations');
  }
  const path = [...prefix, 'spec'].join('.');
  for (const container of listAt(object, ...prefix, 'spec', 'containers')) {
    for (const variable of listAt(container, 'env')) {
      const value = at(variable, 'value');
      if (value !== undefined && typeof value !== 'string')
        fail(unmarshal(value, `EnvVar.${path}.containers.env.value`));
    }
    for (const list of ['limits', 'requests']) {
      for (const amount of Object.values(jsonAt(container, 'resources', list))) {
        if (parseQuantity(String(amount)) === undefined) {
          fail("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
        }
      }
    }
  }
}

function unmarshal(value: unknown, field: string): string {
  const name = typeof value === 'boolean' ? 'bool' : Array.isArray(value) ? 'array' : typeof value;
  return `json: cannot unmarshal ${name} into Go struct field ${field} of type string`;
}
