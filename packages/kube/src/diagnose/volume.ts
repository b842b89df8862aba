import type { Diagnosis } from '@runner/executor';
import type { KubeEvent, Pod } from '../objects.ts';
import { CERTIFICATE_AUTHORITY_VOLUME } from '../pod/certificate-authority.ts';
import { sentence } from './cluster-text.ts';
import { latestEvent } from './events.ts';

/** Events of a volume that keeps a pod from its start. */
const VOLUME_REASONS: ReadonlySet<string> = new Set(['FailedMount', 'FailedAttachVolume', 'FailedMapVolume']);

const isVolumeTrouble = ({ reason = '' }: KubeEvent): boolean => VOLUME_REASONS.has(reason);

/** Says after some minutes which volumes are not there yet, and hides why. */
const SUMMARY = /^Unable to attach or mount volumes/;
const VOLUME = /for volume "([^"]+)"/;
const MISSING_OBJECT = /(?:secret|configmap) "([^"]+)" not found/i;
const MISSING_KEY = /references non-existent (?:secret|config) key: (\S+)/i;

/** What keeps a volume from a pod whose node speaks of one. */
export function volumeTrouble(pod: Pod, events: readonly KubeEvent[]): Diagnosis {
  const telling = latestEvent(events, (event) => isVolumeTrouble(event) && !SUMMARY.test(event.message ?? ''));
  const text = (telling ?? latestEvent(events, isVolumeTrouble))?.message ?? '';
  const key = MISSING_KEY.exec(text)?.[1];
  if (key !== undefined || MISSING_OBJECT.test(text)) return sourceMissing(pod, text, key);
  return {
    category: 'configuration',
    code: 'volume_not_mounted',
    message: sentence('A volume of the pod cannot be mounted', text),
    hint: 'See kubectl describe pod, and the claims and the storage driver behind the volume.',
    permanent: false,
  };
}

function sourceMissing(pod: Pod, text: string, key: string | undefined): Diagnosis {
  const volume = VOLUME.exec(text)?.[1];
  const source = sourceOf(pod, volume);
  // The kubelet names an object that is not there, but no object that lacks a key.
  const lacks = source === undefined || key === undefined ? '' : ` (made of the ${source.object})`;
  const variable = volume === CERTIFICATE_AUTHORITY_VOLUME ? source?.variable : undefined;
  const wanted = `${source?.object ?? 'what the volume is made of'}${key === undefined ? '' : ` with the key ${key}`}`;
  const correct = [variable, ...(key === undefined ? [] : ['INGESTION_CA_KEY'])].join(' and ');
  return {
    category: 'configuration',
    code: 'volume_source_missing',
    message: sentence(`A volume of the pod${lacks} cannot be mounted`, text),
    hint: `Create ${source === undefined ? '' : 'the '}${wanted} in the namespace of the pod${variable === undefined ? '' : `, or correct ${correct}: it holds the certificate authorities of the workloads`}.`,
    permanent: true,
  };
}

interface Source {
  /** `ConfigMap company-ca`. */
  readonly object: string;
  /** The setting that names it, when it holds certificate authorities. */
  readonly variable: string;
}

function sourceOf(pod: Pod, volume: string | undefined): Source | undefined {
  const { configMap, secret } = pod.spec?.volumes?.find(({ name }) => name === volume) ?? {};
  if (configMap?.name !== undefined) {
    return { object: `ConfigMap ${configMap.name}`, variable: 'INGESTION_CA_CONFIGMAP' };
  }
  if (secret?.secretName === undefined) return undefined;
  return { object: `Secret ${secret.secretName}`, variable: 'INGESTION_CA_SECRET' };
}
