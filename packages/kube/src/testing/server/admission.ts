import type { Kind } from './kinds.ts';
import type { Json } from './stored.ts';
import { at, isJson, jsonAt, listAt, textAt } from './stored.ts';

/** What every event has, known or not. */
const EVENT: Json = {
  source: {},
  firstTimestamp: null,
  lastTimestamp: null,
  eventTime: null,
  reportingComponent: '',
  reportingInstance: '',
};

/** Fills in what the API fills in, as far as runners can see it. Pure. */
export function withDefaults(kind: Kind, object: Json, uid: string, previous?: Json): Json {
  if (kind.resource === 'jobs.batch') return job(object, uid, previous);
  if (kind.resource === 'pods') return pod(object);
  if (kind.resource === 'secrets') return secret(object);
  if (kind.resource === 'events') return { ...EVENT, ...object };
  if (kind.resource === 'namespaces')
    return { ...object, spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } };
  return object;
}

function container(value: unknown): unknown {
  if (!isJson(value)) return value;
  const image = textAt(value, 'image') ?? '';
  const latest = image.endsWith(':latest') || !(image.split('/').at(-1) ?? '').includes(':');
  return {
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: latest && !image.includes('@') ? 'Always' : 'IfNotPresent',
    ...value,
    ...(isJson(value['resources']) ? { resources: withRequests(value['resources']) } : {}),
  };
}

/** A limit without a request is a request as well. */
function withRequests(resources: Json): Json {
  const limits = jsonAt(resources, 'limits');
  if (Object.keys(limits).length === 0) return resources;
  return { ...resources, requests: { ...limits, ...jsonAt(resources, 'requests') } };
}

function podSpec(spec: Json, isPod: boolean): Json {
  const account = textAt(spec, 'serviceAccountName') ?? (isPod ? 'default' : undefined);
  return {
    ...(isPod ? { restartPolicy: 'Always' } : {}),
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    securityContext: {},
    schedulerName: 'default-scheduler',
    ...spec,
    ...(account === undefined ? {} : { serviceAccountName: account, serviceAccount: account }),
    containers: listAt(spec, 'containers').map(container),
    ...(at(spec, 'initContainers') === undefined
      ? {}
      : { initContainers: listAt(spec, 'initContainers').map(container) }),
  };
}

function pod(object: Json): Json {
  return {
    ...object,
    spec: podSpec(jsonAt(object, 'spec'), true),
    status: { phase: 'Pending', qosClass: 'BestEffort', ...jsonAt(object, 'status') },
  };
}

/** Labels by which a Job finds its pods, the old names and the new ones. */
export function jobLabels(name: string, uid: string): Readonly<Record<string, string>> {
  return {
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  };
}

function job(object: Json, uid: string, previous: Json | undefined): Json {
  const spec = jsonAt(object, 'spec');
  const template = jsonAt(spec, 'template');
  const templateMeta = jsonAt(template, 'metadata');
  const name = textAt(object, 'metadata', 'name') ?? '';
  const own = at(spec, 'manualSelector') === true ? {} : jobLabels(name, uid);
  const parallelism = at(spec, 'parallelism');
  const labels = { ...jsonAt(templateMeta, 'labels'), ...(previous === undefined ? own : {}) };
  const metadata = jsonAt(object, 'metadata');
  return {
    ...object,
    // Without labels of its own, a Job is given those of its pods.
    metadata: previous === undefined && at(metadata, 'labels') === undefined ? { ...metadata, labels } : metadata,
    spec: {
      parallelism: 1,
      ...(parallelism === undefined || at(spec, 'completions') !== undefined ? { completions: 1 } : {}),
      backoffLimit: 6,
      selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } },
      manualSelector: false,
      completionMode: 'NonIndexed',
      suspend: false,
      podReplacementPolicy: 'TerminatingOrFailed',
      ...spec,
      template: { ...template, metadata: { ...templateMeta, labels }, spec: podSpec(jsonAt(template, 'spec'), false) },
    },
    status: jsonAt(object, 'status'),
  };
}

function secret(object: Json): Json {
  const { stringData, ...rest } = object;
  const plain = Object.entries(isJson(stringData) ? stringData : {}).map(([name, value]): [string, string] => [
    name,
    Buffer.from(String(value)).toString('base64'),
  ]);
  const data = { ...jsonAt(object, 'data'), ...Object.fromEntries(plain) };
  return { type: 'Opaque', ...rest, ...(Object.keys(data).length === 0 ? {} : { data }) };
}
