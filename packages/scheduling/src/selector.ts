import type { Findings } from './problem.ts';
import type { Plain } from './shape.ts';
import { asList, asObject, asText, compact, mapList, reportUnknownFields } from './shape.ts';
import { labelKeyProblem, labelValueProblem } from './syntax.ts';
import { oneOf } from './toleration.ts';

/** One condition on labels (or, for node terms, on fields). */
export interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

/** Labels a pod must carry; all conditions must hold. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly Requirement[];
}

const LABEL_OPERATORS = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const;
export const NODE_OPERATORS = [...LABEL_OPERATORS, 'Gt', 'Lt'] as const;

/** A map of labels, each checked. */
export function parseLabels(value: unknown, findings: Findings): Readonly<Record<string, string>> | undefined {
  const object = asObject(value, findings);
  if (object === undefined) return undefined;
  const labels: Record<string, string> = {};
  for (const [key, raw] of Object.entries(object)) {
    const at = findings.at(key);
    const badKey = labelKeyProblem(key);
    if (badKey !== undefined) at.error('invalid_key', `is not a label key: ${badKey}.`, 'Copy the key from the node.');
    const text = asText(raw, at);
    if (text === undefined) continue;
    const badValue = labelValueProblem(text);
    if (badValue !== undefined)
      at.error('invalid_value', `is not a label value: ${badValue}.`, 'Copy the value from the node.');
    labels[key] = text;
  }
  return labels;
}

/** A list of conditions with the given operators. */
export const parseRequirements = (
  value: unknown,
  findings: Findings,
  operators: readonly string[] = LABEL_OPERATORS,
): readonly Requirement[] | undefined => mapList(value, findings, (item, at) => parseRequirement(item, at, operators));

function parseRequirement(value: unknown, findings: Findings, operators: readonly string[]): Requirement | undefined {
  const object = asObject(value, findings);
  if (object === undefined) return undefined;
  reportUnknownFields(object, ['key', 'operator', 'values'], findings);
  const key = asText(object['key'], findings.at('key'));
  const operator = oneOf(object['operator'], operators, findings.at('operator'));
  const values = parseValues(object, findings.at('values'));
  if (key === undefined || operator === undefined) return undefined;
  const badKey = labelKeyProblem(key);
  if (badKey !== undefined)
    findings.at('key').error('invalid_key', `is not a label key: ${badKey}.`, 'Copy the key from the node.');
  checkValues(operator, values ?? [], findings.at('values'));
  return compact<Requirement>({ key, operator, values });
}

function parseValues(object: Plain, findings: Findings): readonly string[] | undefined {
  if (object['values'] === undefined || object['values'] === null) return undefined;
  return asList(object['values'], findings)?.flatMap((item, index) => asText(item, findings.at(index)) ?? []);
}

/** How many values an operator takes, and of which kind. */
function checkValues(operator: string, values: readonly string[], findings: Findings): void {
  if ((operator === 'In' || operator === 'NotIn') && values.length === 0) {
    findings.error('values_missing', `must hold at least one value with operator "${operator}".`, 'List the values.');
  }
  if ((operator === 'Exists' || operator === 'DoesNotExist') && values.length > 0) {
    findings.error('values_not_allowed', `must be absent with operator "${operator}".`, 'Remove them, or write "In".');
  }
  if (operator === 'Gt' || operator === 'Lt') {
    if (values.length !== 1 || !/^-?\d+$/.test(values[0] ?? '')) {
      findings.error(
        'invalid_value',
        `must hold exactly one whole number with operator "${operator}".`,
        'Write it as a text: ["4"].',
      );
    }
    return;
  }
  for (const [index, value] of values.entries()) {
    const bad = labelValueProblem(value);
    if (bad !== undefined)
      findings.at(index).error('invalid_value', `is not a label value: ${bad}.`, 'Copy the value from the node.');
  }
}

/** A label selector; undefined selects nothing. */
export function parseLabelSelector(value: unknown, findings: Findings): LabelSelector | undefined {
  if (value === undefined || value === null) return undefined;
  const object = asObject(value, findings);
  if (object === undefined) return undefined;
  reportUnknownFields(object, ['matchLabels', 'matchExpressions'], findings);
  return compact<LabelSelector>({
    matchLabels:
      object['matchLabels'] === undefined ? undefined : parseLabels(object['matchLabels'], findings.at('matchLabels')),
    matchExpressions: parseRequirements(object['matchExpressions'], findings.at('matchExpressions')),
  });
}
