import type { Taint } from './evidence.ts';

/** Why nodes cannot take a pod, in the order in which the scheduler asks: later ones came closer to taking it. */
export type Obstacle =
  | { readonly kind: 'cordoned' }
  /** Undefined when the scheduler does not say which. */
  | { readonly kind: 'taint'; readonly taint: Taint | undefined }
  | { readonly kind: 'node_affinity' }
  | { readonly kind: 'resource'; readonly resource: string }
  | { readonly kind: 'too_many_pods' }
  | { readonly kind: 'volume'; readonly text: string }
  | { readonly kind: 'spread' }
  | { readonly kind: 'pod_affinity' }
  | { readonly kind: 'other'; readonly text: string };

export interface SchedulerReason {
  /** Nodes it holds for; undefined when it holds for the pod as a whole. */
  readonly nodes: number | undefined;
  readonly obstacle: Obstacle;
}

export interface SchedulerMessage {
  /** Nodes the scheduler knows; undefined when the message does not say. */
  readonly nodes: number | undefined;
  readonly reasons: readonly SchedulerReason[];
}

const HEAD = /^0\/(\d+) nodes are available:\s*/;
const NO_NODES = /^no nodes available to schedule pods/;
const NAMED_TAINT = /taint \{([^:}]+):\s*([^}]*)\}/;

const KINDS: readonly (readonly [pattern: RegExp, read: (match: RegExpExecArray, text: string) => Obstacle])[] = [
  [/Insufficient (\S+)/, (match) => ({ kind: 'resource', resource: match[1] ?? '' })],
  [/Too many pods/, () => ({ kind: 'too_many_pods' })],
  [/\btaints?\b/, (_, text) => ({ kind: 'taint', taint: namedTaint(text) })],
  [/node\(s\) were unschedulable/, () => ({ kind: 'cordoned' })],
  // Before node affinity: "didn't match PersistentVolume's node affinity", "had volume node affinity conflict".
  [/persistent ?volume|\bvolumes?\b|\bpvc\b|\bpv\b/i, (_, text) => ({ kind: 'volume', text })],
  [/topology spread/, () => ({ kind: 'spread' })],
  [/pod (anti-)?affinity|anti-affinity rules/, () => ({ kind: 'pod_affinity' })],
  [/node affinity|node selector|requested node name/, () => ({ kind: 'node_affinity' })],
];

/**
 * Reads what the scheduler says of a pod it cannot place (kube-scheduler 1.28 to 1.34):
 * `0/3 nodes are available: 1 node(s) had untolerated taint {dedicated: gpu}, 2 Insufficient cpu. preemption: …`. What it
 * tried afterwards (preemption, resource claims) follows the first full stop and is left out.
 */
export function parseSchedulerMessage(message: string): SchedulerMessage {
  if (NO_NODES.test(message)) return { nodes: 0, reasons: [] };
  const head = HEAD.exec(message);
  if (head === null) return { nodes: undefined, reasons: [] };
  const body = message.slice(head[0].length).split(/\.(?:\s|$)/)[0] ?? '';
  return {
    nodes: Number(head[1]),
    reasons: body
      .split(/,\s+(?=\d+ )/)
      .filter((part) => part !== '')
      .map((part) => reasonOf(part)),
  };
}

function reasonOf(part: string): SchedulerReason {
  const counted = /^(\d+) (.*)$/s.exec(part);
  const text = counted?.[2] ?? part;
  return { nodes: counted === null ? undefined : Number(counted[1]), obstacle: obstacleOf(text) };
}

function obstacleOf(text: string): Obstacle {
  for (const [pattern, read] of KINDS) {
    const match = pattern.exec(text);
    if (match !== null) return read(match, text);
  }
  return { kind: 'other', text };
}

function namedTaint(text: string): Taint | undefined {
  const match = NAMED_TAINT.exec(text);
  return match === null ? undefined : { key: (match[1] ?? '').trim(), value: (match[2] ?? '').trim() };
}
