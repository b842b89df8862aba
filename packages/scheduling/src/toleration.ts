import type { Findings } from './problem.ts';
import { asObject, asText, asWhole, compact, mapList, reportUnknownFields } from './shape.ts';
import { labelKeyProblem, labelValueProblem } from './syntax.ts';
import { suggestion } from './nearest.ts';

/** A Kubernetes toleration: which taint a pod puts up with. */
export interface Toleration {
  readonly key?: string;
  /** Default `Equal`. */
  readonly operator?: 'Equal' | 'Exists';
  readonly value?: string;
  /** Absent: every effect. */
  readonly effect?: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
  /** Only with effect `NoExecute`. */
  readonly tolerationSeconds?: number;
}

const OPERATORS = ['Equal', 'Exists'] as const;
const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const;
const FIELDS = ['key', 'operator', 'value', 'effect', 'tolerationSeconds'];

export function oneOf<T extends string>(value: unknown, allowed: readonly T[], findings: Findings): T | undefined {
  const text = asText(value, findings);
  if (text === undefined || (allowed as readonly string[]).includes(text)) return text as T | undefined;
  findings.error('unknown_value', `"${text.slice(0, 80)}" is not allowed.`, suggestion(text, allowed));
  return undefined;
}

/** A list of tolerations, checked as the API server would check it. */
export const parseTolerations = (value: unknown, findings: Findings): readonly Toleration[] | undefined =>
  mapList(value, findings, parseToleration);

function parseToleration(value: unknown, findings: Findings): Toleration | undefined {
  const object = asObject(value, findings);
  if (object === undefined) return undefined;
  reportUnknownFields(object, FIELDS, findings);
  const text = (field: string): string | undefined =>
    object[field] === undefined ? undefined : asText(object[field], findings.at(field));
  const choice = <T extends string>(field: string, allowed: readonly T[]): T | undefined =>
    object[field] === undefined || object[field] === '' ? undefined : oneOf(object[field], allowed, findings.at(field));
  const toleration = compact<Toleration>({
    key: text('key'),
    operator: choice('operator', OPERATORS),
    value: text('value'),
    effect: choice('effect', EFFECTS),
    tolerationSeconds:
      object['tolerationSeconds'] === undefined
        ? undefined
        : asWhole(object['tolerationSeconds'], findings.at('tolerationSeconds'), -(2 ** 53), 2 ** 53),
  });
  checkTogether(toleration, findings);
  return toleration;
}

/** Rules that span fields. */
function checkTogether(toleration: Toleration, findings: Findings): void {
  const { key = '', operator = 'Equal', value = '', effect, tolerationSeconds } = toleration;
  const badKey = key === '' ? undefined : labelKeyProblem(key);
  const badValue = labelValueProblem(value);
  if (badKey !== undefined)
    findings.at('key').error('invalid_key', `is not a taint key: ${badKey}.`, 'Copy the key from the taint.');
  if (key === '' && operator !== 'Exists') {
    findings
      .at('operator')
      .error(
        'key_missing',
        'must be "Exists" when there is no key.',
        'Name the taint in "key", or write "operator": "Exists".',
      );
  }
  if (operator === 'Exists' && value !== '') {
    findings
      .at('value')
      .error('value_not_allowed', 'must be absent with operator "Exists".', 'Remove it, or write "operator": "Equal".');
  }
  if (operator === 'Equal' && badValue !== undefined) {
    findings.at('value').error('invalid_value', `is not a taint value: ${badValue}.`, 'Copy the value from the taint.');
  }
  if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
    findings
      .at('tolerationSeconds')
      .error(
        'effect_missing',
        'has a meaning only with effect "NoExecute".',
        'Write "effect": "NoExecute", or remove it.',
      );
  }
}
