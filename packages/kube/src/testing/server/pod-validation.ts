import { compareQuantities, parseQuantity } from '@runner/scheduling';
import type { Causes } from './field-checks.ts';
import { atLeast, missing, oneOf, wrong } from './field-checks.ts';
import type { Json } from './stored.ts';
import { at, jsonAt, listAt, textAt } from './stored.ts';
import { dnsLabelFault, envNameFault, labelValueFault, qualifiedNameFault, subdomainFault } from './syntax.ts';

/** What a pod needs to be accepted, as far as runners can get it wrong. `field` is where the spec stands. */
export function podSpecCauses(causes: Causes, field: string, spec: Json, isJob: boolean): void {
  const volumes = new Set(listAt(spec, 'volumes').map((volume) => textAt(volume, 'name')));
  for (const list of ['initContainers', 'containers']) {
    listAt(spec, list).forEach((one, i) => container(causes, `${field}.${list}[${i}]`, one, volumes));
  }
  if (listAt(spec, 'containers').length === 0) missing(causes, `${field}.containers`);
  if (isJob) jobRestartPolicy(causes, `${field}.restartPolicy`, at(spec, 'restartPolicy'));
  else oneOf(causes, `${field}.restartPolicy`, at(spec, 'restartPolicy'), ['Always', 'OnFailure', 'Never']);
  const deadline = at(spec, 'activeDeadlineSeconds');
  if (typeof deadline === 'number' && (deadline < 1 || deadline > 2 ** 31 - 1)) {
    wrong(causes, `${field}.activeDeadlineSeconds`, deadline, 'must be between 1 and 2147483647, inclusive');
  }
  for (const [key, value] of Object.entries(jsonAt(spec, 'nodeSelector'))) {
    wrong(causes, `${field}.nodeSelector`, key, qualifiedNameFault(key));
    wrong(causes, `${field}.nodeSelector`, value, labelValueFault(String(value)));
  }
  for (const name of ['serviceAccountName', 'priorityClassName']) {
    const value = textAt(spec, name);
    if (value !== undefined && value !== '') wrong(causes, `${field}.${name}`, value, subdomainFault(value));
  }
  listAt(spec, 'tolerations').forEach((one, i) => toleration(causes, `${field}.tolerations[${i}]`, one));
}

function jobRestartPolicy(causes: Causes, field: string, policy: unknown): void {
  if (policy === 'OnFailure' || policy === 'Never') return;
  missing(causes, field, 'valid values: "OnFailure", "Never"');
}

function container(causes: Causes, field: string, value: unknown, volumes: ReadonlySet<string | undefined>): void {
  const name = textAt(value, 'name') ?? '';
  if (name === '') missing(causes, `${field}.name`);
  else wrong(causes, `${field}.name`, name, dnsLabelFault(name));
  if ((textAt(value, 'image') ?? '') === '') missing(causes, `${field}.image`);
  oneOf(causes, `${field}.imagePullPolicy`, at(value, 'imagePullPolicy'), ['Always', 'IfNotPresent', 'Never']);
  listAt(value, 'env').forEach((one, i) => variable(causes, `${field}.env[${i}]`, one));
  listAt(value, 'volumeMounts').forEach((mount, i) => {
    const wanted = textAt(mount, 'name') ?? '';
    const where = `${field}.volumeMounts[${i}].name`;
    if (!volumes.has(wanted))
      causes.push({ field: where, reason: 'FieldValueNotFound', message: `Not found: "${wanted}"` });
  });
  resources(causes, `${field}.resources`, jsonAt(value, 'resources'));
}

function variable(causes: Causes, field: string, value: unknown): void {
  const name = textAt(value, 'name') ?? '';
  if (name === '') missing(causes, `${field}.name`);
  else wrong(causes, `${field}.name`, name, envNameFault(name));
  const source = at(value, 'valueFrom');
  if (source === undefined) return;
  if ((textAt(value, 'value') ?? '') !== '')
    wrong(causes, `${field}.valueFrom`, '', 'may not be specified when `value` is not empty');
  for (const kind of ['secretKeyRef', 'configMapKeyRef']) {
    const ref = at(source, kind);
    if (ref === undefined) continue;
    const object = textAt(ref, 'name') ?? '';
    wrong(causes, `${field}.valueFrom.${kind}.name`, object, subdomainFault(object));
    if ((textAt(ref, 'key') ?? '') === '') missing(causes, `${field}.valueFrom.${kind}.key`);
  }
}

function resources(causes: Causes, field: string, value: Json): void {
  const limits = jsonAt(value, 'limits');
  for (const list of ['limits', 'requests']) {
    for (const [name, amount] of Object.entries(jsonAt(value, list))) {
      if (parseQuantity(String(amount)) === undefined || compareQuantities(String(amount), '0') >= 0) continue;
      wrong(causes, `${field}.${list}[${name}]`, amount, 'must be greater than or equal to 0');
    }
  }
  for (const [name, amount] of Object.entries(jsonAt(value, 'requests')).sort()) {
    const limit = textAt(limits, name);
    if (limit === undefined || compareQuantities(String(amount), limit) <= 0) continue;
    wrong(causes, `${field}.requests`, amount, `must be less than or equal to ${name} limit of ${limit}`);
  }
}

function toleration(causes: Causes, field: string, value: unknown): void {
  const key = textAt(value, 'key') ?? '';
  const operator = textAt(value, 'operator') ?? 'Equal';
  const wanted = textAt(value, 'value') ?? '';
  if (key !== '') wrong(causes, `${field}.key`, key, qualifiedNameFault(key));
  if (key === '' && operator !== 'Exists') {
    wrong(
      causes,
      `${field}.operator`,
      operator,
      'operator must be Exists when `key` is empty, which means "match all values and all keys"',
    );
  }
  if (operator === 'Exists' && wanted !== '') {
    wrong(causes, `${field}.operator`, wanted, "value must be empty when `operator` is 'Exists'");
  }
  oneOf(causes, `${field}.operator`, operator, ['Equal', 'Exists']);
  atMostEffects(causes, `${field}.effect`, at(value, 'effect'));
}

function atMostEffects(causes: Causes, field: string, effect: unknown): void {
  if (effect !== '') oneOf(causes, field, effect, ['NoSchedule', 'PreferNoSchedule', 'NoExecute']);
}

export function jobCauses(causes: Causes, object: Json): void {
  const spec = jsonAt(object, 'spec');
  for (const name of [
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
  ]) {
    atLeast(causes, `spec.${name}`, at(spec, name), 0);
  }
}
