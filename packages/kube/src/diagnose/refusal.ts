import type { Diagnosis, DiagnosisCategory } from '@runner/executor';
import { clusterText, ended, sentence } from './cluster-text.ts';
import type { DiagnosisContext } from './evidence.ts';
import { placementJson } from './placement-hint.ts';
import { quotaRefusal } from './quota.ts';

interface Refusal {
  readonly pattern: RegExp;
  readonly category: DiagnosisCategory;
  readonly code: string;
  /** `$1` is the first group of the pattern, `$text` what the cluster said. */
  readonly message: string;
  readonly hint: string | ((context: DiagnosisContext) => string);
  readonly permanent: boolean;
}

/** What the API server says when it refuses a pod; the first that matches counts. */
const REFUSALS: readonly Refusal[] = [
  {
    pattern: /(?:maximum|minimum) \S+ (?:usage|storage) per |max limit to request ratio|per (?:Container|Pod) is /,
    category: 'quota',
    code: 'limit_range',
    message: 'A LimitRange of the namespace refuses the amounts of the pod: $text',
    hint: (context) =>
      `Change the amounts in ${context.placementVariable}, for instance ${placementJson(context, { resources: { requests: { memory: '…' }, limits: { memory: '…' } } })}, or the LimitRange (kubectl describe limitrange).`,
    permanent: true,
  },
  {
    pattern: /violates PodSecurity "([^"]+)"/,
    category: 'admission',
    code: 'pod_security',
    message: 'The Pod Security level $1 of the namespace refuses the pod: $text',
    hint: 'Pods of the runner meet the level restricted; see which setting or webhook of yours changed that.',
    permanent: true,
  },
  {
    pattern: /admission webhook "([^"]+)" denied the request/,
    category: 'admission',
    code: 'admission_webhook_denied',
    message: 'The admission webhook $1 refuses the pod: $text',
    hint: 'Ask whoever runs that webhook what its rule is, or except the namespace from it.',
    permanent: true,
  },
  {
    pattern: /failed calling webhook "([^"]+)"/,
    category: 'admission',
    code: 'admission_webhook_failed',
    message: 'The admission webhook $1 does not answer, so the API server refuses pods: $text',
    hint: 'Repair the webhook, or except the namespace from it.',
    permanent: false,
  },
  {
    pattern: /ValidatingAdmissionPolicy '([^']+)'.* denied request/,
    category: 'admission',
    code: 'admission_policy_denied',
    message: 'The admission policy $1 refuses the pod: $text',
    hint: 'Ask whoever wrote that policy what its rule is.',
    permanent: true,
  },
  {
    pattern: /unable to validate against any security context constraint/,
    category: 'admission',
    code: 'security_context_constraint',
    message: 'No security context constraint of OpenShift admits the pod: $text',
    hint: 'Switch on the OpenShift mode of the agent, so that the cluster assigns user and group ids, or grant the service account a constraint.',
    permanent: true,
  },
  {
    pattern: /error looking up service account|serviceaccount "[^"]+" not found/,
    category: 'configuration',
    code: 'service_account_missing',
    message: 'The service account of the pod does not exist: $text',
    hint: 'Create it in the namespace of the runs, or name another one in INGESTION_SERVICE_ACCOUNT_NAME.',
    permanent: true,
  },
  {
    pattern: /no PriorityClass with name (\S+) was found/,
    category: 'configuration',
    code: 'priority_class_missing',
    message: 'The priority class $1 does not exist.',
    hint: (context) =>
      `Create it, or correct priorityClassName in the entry ${context.pipelineType} of ${context.placementVariable}.`,
    permanent: true,
  },
  {
    pattern: /RuntimeClass "([^"]+)" not found/,
    category: 'configuration',
    code: 'runtime_class_missing',
    message: 'The runtime class $1 does not exist.',
    hint: 'Create it, or take it out of what changes the pods.',
    permanent: true,
  },
  {
    pattern: /because it is being terminated/,
    category: 'configuration',
    code: 'namespace_terminating',
    message: 'The namespace of the runs is being deleted.',
    hint: 'Create the namespace again, or name another one in INGESTION_NAMESPACE.',
    permanent: true,
  },
  {
    pattern: /namespaces? "([^"]+)" not found/,
    category: 'configuration',
    code: 'namespace_missing',
    message: 'The namespace $1 does not exist.',
    hint: 'Create it, or name another one in INGESTION_NAMESPACE.',
    permanent: true,
  },
];

/** What the API server puts before the reason. */
const PREAMBLE =
  /^(?:Error creating: )?(?:Internal error occurred: )?(?:(?:pods|jobs\.batch|secrets|configmaps) "[^"]*" is forbidden: )?/;
const INVALID = /"[^"]*" is invalid: /;
/** Fields that an answer names. Their values are left out: one of them may be the config. */
const FIELD =
  /((?:spec|metadata)[\w.[\]"-]*): (Invalid value|Required value|Forbidden|Unsupported value|Too long|Too many|Duplicate value|Not found)/g;

/**
 * Why the API server refuses to create the pod (or the Job) of a run, from its message. `permanent` is false for what may
 * pass by itself: quotas that are used up, webhooks that are down, and what is not known.
 */
export function diagnoseRefusal(message: string, context: DiagnosisContext): Diagnosis {
  const text = message.replace(PREAMBLE, '');
  const quota = quotaRefusal(text, context);
  if (quota !== undefined) return quota;
  if (INVALID.test(text)) return invalid(text);
  for (const { pattern, category, code, message: ours, hint, permanent } of REFUSALS) {
    const match = pattern.exec(text);
    if (match === null) continue;
    return {
      category,
      code,
      message: ours.replace('$1', () => clusterText(match[1] ?? '')).replace('$text', () => ended(clusterText(text))),
      hint: typeof hint === 'string' ? hint : hint(context),
      permanent,
    };
  }
  return {
    category: 'admission',
    code: 'pod_refused',
    message: sentence('The cluster refuses to create the pod', text),
    hint: 'See kubectl describe job.',
    permanent: false,
  };
}

function invalid(text: string): Diagnosis {
  const fields = [...new Set([...text.matchAll(FIELD)].map((match) => `${match[1] ?? ''} (${match[2] ?? ''})`))];
  const named = fields.length === 0 ? '' : `: ${clusterText(fields.slice(0, 8).join(', '))}`;
  return {
    category: 'admission',
    code: 'pod_invalid',
    message: `The API server finds the pod invalid${named}.`,
    hint: 'Check the placement, the labels and the annotations that are configured for pods.',
    permanent: true,
  };
}
