import type { PodSpec } from '../objects.ts';
import type { NodeTaints } from './evidence.ts';

type Affinity = NonNullable<NonNullable<PodSpec['affinity']>['nodeAffinity']>;
type Terms = NonNullable<Affinity['requiredDuringSchedulingIgnoredDuringExecution']>['nodeSelectorTerms'];
type Requirement = NonNullable<Terms[number]['matchExpressions']>[number];

/**
 * Whether the node selector and the required node affinity of a pod let it onto a node, as the scheduler decides it. True
 * for a node whose labels are not known: nothing speaks against it.
 */
export function mayBeSelected(spec: PodSpec | undefined, { name, labels }: NodeTaints): boolean {
  if (labels === undefined) return true;
  const pairs = Object.entries(spec?.nodeSelector ?? {});
  if (!pairs.every(([key, value]) => valueOf(labels, key) === value)) return false;
  const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  // One term is enough, and one without a condition lets nothing through.
  return terms === undefined || terms.some((term) => isMet(term, name, labels));
}

function isMet(
  { matchExpressions = [], matchFields = [] }: Terms[number],
  name: string,
  labels: Readonly<Record<string, string>>,
): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false;
  return (
    matchExpressions.every((one) => isTrue(one, valueOf(labels, one.key))) &&
    // The name of the node is the one field that there is.
    matchFields.every((one) => isTrue(one, name))
  );
}

function isTrue({ operator, values = [] }: Requirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return Number.parseInt(value ?? '', 10) > Number.parseInt(values[0] ?? '', 10);
    case 'Lt':
      return Number.parseInt(value ?? '', 10) < Number.parseInt(values[0] ?? '', 10);
    default:
      // An operator of a later version.
      return true;
  }
}

const valueOf = (labels: Readonly<Record<string, string>>, key: string): string | undefined =>
  Object.hasOwn(labels, key) ? labels[key] : undefined;
