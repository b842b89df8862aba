import type { Diagnosis } from '@runner/executor';
import { compareQuantities, parseQuantity } from '@runner/scheduling';
import { clusterText } from './cluster-text.ts';
import type { DiagnosisContext } from './evidence.ts';
import { placementJson } from './placement-hint.ts';

const EXCEEDED = /exceeded quota: ([\w.-]+), requested: ([^\s].*), used: (.*), limited: (.*)$/;
const UNSET = /failed quota: ([\w.-]+): must specify (.*)$/;

/** A refusal by a ResourceQuota; undefined when the text is something else. */
export function quotaRefusal(text: string, context: DiagnosisContext): Diagnosis | undefined {
  const unset = UNSET.exec(text);
  if (unset !== null) return needsAmounts(unset[1] ?? '', unset[2] ?? '', context);
  const exceeded = EXCEEDED.exec(text);
  if (exceeded === null) return undefined;
  const [, name = '', requestedText = '', usedText = '', limitedText = ''] = exceeded;
  const requested = amountsOf(requestedText);
  const limited = amountsOf(limitedText);
  const never = [...requested].filter(([resource, amount]) => isAbove(amount, limited.get(resource)));
  const told = `asks for ${requestedText}, used ${usedText}, of ${limitedText}`;
  if (never.length > 0) {
    return {
      category: 'quota',
      code: 'quota_too_small',
      message: `The pod asks for more than the whole quota ${name} of the namespace: ${clusterText(told)}.`,
      hint: `Raise the quota, or lower resources in the entry ${context.pipelineType} of ${context.placementVariable}.`,
      permanent: true,
    };
  }
  return {
    category: 'quota',
    code: 'quota_exceeded',
    message: `The quota ${name} of the namespace is used up: ${clusterText(told)}.`,
    hint: 'The run starts when others have ended. To run more at the same time, raise the quota.',
    permanent: false,
  };
}

function needsAmounts(name: string, what: string, context: DiagnosisContext): Diagnosis {
  const json = placementJson(context, {
    resources: { requests: { cpu: '1', memory: '4Gi' }, limits: { cpu: '1', memory: '4Gi' } },
  });
  return {
    category: 'quota',
    code: 'quota_needs_amounts',
    message: `The quota ${name} of the namespace wants amounts that the pod does not state: ${clusterText(what)}.`,
    hint: `Put amounts for each resource of the quota into ${context.placementVariable}, such as ${json}.`,
    permanent: true,
  };
}

const amountsOf = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text.split(',').flatMap((pair): readonly (readonly [string, string])[] => {
      const [resource = '', amount = ''] = pair.split('=');
      return resource.trim() === '' ? [] : [[resource.trim(), amount.trim()]];
    }),
  );

const isAbove = (amount: string, limit: string | undefined): boolean =>
  limit !== undefined &&
  parseQuantity(amount) !== undefined &&
  parseQuantity(limit) !== undefined &&
  compareQuantities(amount, limit) > 0;
