import type { Causes } from './field-checks.ts';
import { missing, tooLong, wrong } from './field-checks.ts';
import type { Kind } from './kinds.ts';
import { jobCauses, podSpecCauses } from './pod-validation.ts';
import { invalid } from './refusal.ts';
import type { Json, Stored } from './stored.ts';
import { at, isJson, jsonAt, listAt, textAt } from './stored.ts';
import { configKeyFault, dnsLabelFault, labelValueFault, qualifiedNameFault, subdomainFault } from './syntax.ts';

const MOST_ANNOTATION_BYTES = 256 * 1024;
const MOST_DATA_BYTES = 1024 * 1024;

/** Throws 422 with all that is wrong. `object` has its defaults, `given` is what was sent. */
export function validateNew(kind: Kind, object: Json, given: Json): void {
  const causes: Causes = [];
  const name = textAt(object, 'metadata', 'name') ?? '';
  if (name === '') missing(causes, 'metadata.name', 'name or generateName is required');
  else
    wrong(causes, 'metadata.name', name, kind.resource === 'namespaces' ? dnsLabelFault(name) : subdomainFault(name));
  owners(causes, object);
  // A Job without labels takes those of its template before anything is checked.
  const own = at(given, 'metadata', 'labels') ?? at(given, 'spec', 'template', 'metadata', 'labels');
  labels(causes, 'metadata.labels', isJson(own) ? own : {});
  annotations(causes, 'metadata.annotations', jsonAt(object, 'metadata', 'annotations'));
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
  annotations(causes, 'metadata.annotations', jsonAt(object, 'metadata', 'annotations'));
  content(causes, kind, object);
  immutable(causes, kind, object, previous);
  if (causes.length > 0) throw invalid(kind, name, causes);
}

function owners(causes: Causes, object: Json): void {
  const references = listAt(object, 'metadata', 'ownerReferences');
  for (const reference of references) {
    for (const name of ['apiVersion', 'kind', 'name', 'uid']) {
      if ((textAt(reference, name) ?? '') === '')
        wrong(causes, `metadata.ownerReferences.${name}`, '', 'must not be empty');
    }
  }
  const controllers = references.filter((reference) => at(reference, 'controller') === true);
  if (controllers.length < 2) return;
  const [first, second] = controllers.map((one) => `${textAt(one, 'kind') ?? ''}/${textAt(one, 'name') ?? ''}`);
  const fault = `Only one reference can have Controller set to true. Found "true" in references for ${first ?? ''} and ${second ?? ''}`;
  wrong(causes, 'metadata.ownerReferences', references, fault);
}

function labels(causes: Causes, field: string, value: Json): void {
  for (const [key, label] of Object.entries(value)) {
    wrong(causes, field, key, qualifiedNameFault(key));
    wrong(causes, field, label, labelValueFault(String(label)));
  }
}

function annotations(causes: Causes, field: string, value: Json): void {
  let bytes = 0;
  for (const [key, text] of Object.entries(value)) {
    wrong(causes, field, key, qualifiedNameFault(key.toLowerCase()));
    bytes += Buffer.byteLength(key) + Buffer.byteLength(String(text));
  }
  if (bytes > MOST_ANNOTATION_BYTES) tooLong(causes, field, MOST_ANNOTATION_BYTES);
}

function content(causes: Causes, kind: Kind, object: Json): void {
  if (kind.resource === 'jobs.batch') {
    jobCauses(causes, object);
    labels(causes, 'spec.template.labels', jsonAt(object, 'spec', 'template', 'metadata', 'labels'));
    annotations(causes, 'spec.template.annotations', jsonAt(object, 'spec', 'template', 'metadata', 'annotations'));
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
  if (['secrets', 'configmaps'].includes(kind.resource) && at(previous, 'immutable') === true) {
    if (!same(at(object, 'data'), at(previous, 'data'))) {
      const message = 'Forbidden: field is immutable when `immutable` is set';
      causes.push({ field: 'data', reason: 'FieldValueForbidden', message });
    }
  }
  if (kind.resource === 'secrets') check('type');
}
