import { isMap } from '@runner/charts';
import { describeProblem, parsePipelineTypeConfigs } from '@runner/scheduling';

const ACTIONS = new Set([
  ...['secretsmanager:GetSecretValue', 'secretsmanager:BatchGetSecretValue', 'secretsmanager:DescribeSecret'],
  ...['secretsmanager:ListSecrets', 'ssm:GetParameter', 'kms:Decrypt', 'ecr:GetAuthorizationToken'],
  ...['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer', 'ecr:BatchCheckLayerAvailability'],
]);
const ASSUMING = new Set(['sts:AssumeRoleWithWebIdentity', 'sts:AssumeRole', 'sts:TagSession']);

/** What is wrong with JSON of a kind: `json`, `json policy`, `json trust`, `json placement`. */
export function jsonProblems(kind: string, text: string): readonly string[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return [`this is no JSON: ${String(error)}`];
  }
  if (kind === 'json policy') return policyProblems(value, ACTIONS, ['Effect', 'Action', 'Resource']);
  if (kind === 'json trust') return policyProblems(value, ASSUMING, ['Effect', 'Principal', 'Action']);
  if (kind === 'json placement') {
    const { problems } = parsePipelineTypeConfigs('SIMPLEK8S_PIPELINE_TYPE_CONFIGS', text);
    return problems.filter(({ code }) => code !== 'type_without_entry').map(describeProblem);
  }
  return [];
}

/** The shape of a policy document of AWS IAM, and actions that are among those our documents are about. */
function policyProblems(value: unknown, actions: ReadonlySet<string>, needed: readonly string[]): readonly string[] {
  if (!isMap(value) || value['Version'] !== '2012-10-17') return ['a policy has the Version 2012-10-17'];
  const statements = value['Statement'];
  if (!Array.isArray(statements) || statements.length === 0) return ['a policy has a list of statements'];
  return statements.flatMap((statement: unknown, index) => {
    if (!isMap(statement)) return [`Statement[${index}] is no object`];
    const action = statement['Action'];
    const named: readonly unknown[] = Array.isArray(action) ? action : [action];
    return [
      ...needed.filter((key) => !(key in statement)).map((key) => `Statement[${index}] lacks ${key}`),
      ...Object.keys(statement)
        .filter((key) => !['Sid', 'Condition', ...needed].includes(key))
        .map((key) => `Statement[${index}].${key} is no key of such a policy`),
      ...named
        .filter((name) => typeof name !== 'string' || !actions.has(name))
        .map((name) => `Statement[${index}]: ${String(name)} is no action that documents are about`),
    ];
  });
}
