import { createHash } from 'node:crypto';
import type { RunSpec } from '../run-spec.ts';
import { workloadKind } from './command.ts';

/** Longest DNS-1123 label, and longest value of a Kubernetes label. */
const MAX_LABEL = 63;
const PREFIX = { pipeline: 'om-job', automation: 'om-automation', application: 'om-app' } as const;
/** Digits of the hash. With the eight of the runId, 72 bits stand between two runs of one pipeline. */
const HASH_DIGITS = 10;

/**
 * Name of the workload of a run: `om-job-<name>-<first 8 of the runId>-<hash of the runId>`. At most 63 characters, a
 * DNS-1123 label whatever the pipeline is called. What makes it unique comes from the runId alone, so a second submit
 * of a run meets the first one's workload, and equal names in two services never meet. The part for people comes from
 * kind and name, which do not change during a run.
 */
export function workloadName(spec: Pick<RunSpec, 'runId' | 'kind' | 'pipelineType' | 'name'>): string {
  const prefix = PREFIX[workloadKind(spec)];
  const suffix = runKey(spec.runId);
  const room = MAX_LABEL - prefix.length - suffix.length - 2;
  const readable = dnsPart(spec.name, room);
  return [prefix, readable, suffix].filter((part) => part !== '').join('-');
}

/** The part of every name of a run that its runId alone decides: short id (as in logs) and hash, 19 characters. */
export function runKey(runId: string): string {
  const id = runId.toLowerCase();
  const short = id
    .replaceAll(/[^a-z0-9]/g, '')
    .slice(0, 8)
    .padEnd(8, '0');
  return `${short}-${hash(id, HASH_DIGITS)}`;
}

/** Any text as part of a DNS-1123 label: lower case, no dash at either end, at most `max` long. May be empty. */
function dnsPart(text: string, max: number): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^-/, '')
    .slice(0, max)
    .replace(/-$/, '');
}

const LABEL_VALUE = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/** Any text as a Kubernetes label value: itself where it is one, otherwise a readable part and a hash of the whole. */
export function labelValue(text: string): string {
  if (text === '' || LABEL_VALUE.test(text)) return text;
  const readable = text
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[._-]+/, '')
    .slice(0, MAX_LABEL - HASH_DIGITS - 1)
    .replace(/[._-]+$/, '');
  return readable === '' ? hash(text, HASH_DIGITS) : `${readable}-${hash(text, HASH_DIGITS)}`;
}

/** A name as OpenMetadata's own client writes it into labels: lower case, dashes, at most 53 characters. */
export function sanitizedName(name: string): string {
  const plain = dnsPart(name, 53);
  return plain === '' ? `p-${hash(name, HASH_DIGITS)}` : plain;
}

function hash(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits);
}
