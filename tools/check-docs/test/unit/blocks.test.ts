import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { checkBlocks, fenceProblems, knownIn } from '../../src/blocks.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const known = knownIn(ROOT);
const problems = (kind: string, text: string): readonly string[] =>
  fenceProblems({ page: 'a.md', line: 1, kind, text }, known);

// Starts a bash for each block.
test('every block of the guides is right', { timeout: 60_000 }, () => {
  expect(checkBlocks(ROOT)).toEqual([]);
});

describe('a block of a kind that nobody checks is a finding', () => {
  test.each([
    ['python', 'print()'],
    ['yaml', 'a: 1'],
    ['', 'helm install'],
  ])('%j', (kind, text) => {
    expect(problems(kind, text)).toHaveLength(1);
  });
  test('a drawing needs none', () => {
    expect(problems('', 'a ─► b')).toEqual([]);
  });
});

describe('shell', () => {
  test.each([
    ['a syntax error', 'if true; then'],
    ['a placeholder in angle brackets', 'kubectl get pods <name> | <x'],
    ['a program nobody uses', 'brew install helm'],
    ['a command of ours that does not exist', 'hybrid-runner docter'],
    ['one of runner-secrets', 'runner-secrets show secret:a'],
    ['one inside a container', 'kubectl exec pod -- sh -c ls'],
    ['a verb of kubectl', 'kubectl fetch pods'],
    ['logs by label, of which kubectl shows ten lines', 'kubectl logs -l app=hybrid-runner'],
    ['a flag of helm', 'helm install runner apps/agent/chart --value x.yaml'],
    ['a value the chart does not have', 'helm install runner apps/agent/chart --set config.agentID=x'],
    ['a value of the other chart', 'helm install cp apps/control-plane/chart --set config.agentId=x'],
    ['a variable that nothing reads', 'export AUTH_TOKEN_FIEL=bot.jwt'],
  ])('%s is a finding', (_, text) => {
    expect(problems('sh', text)).not.toEqual([]);
  });

  test.each([
    ['dots of a key', String.raw`helm install r apps/agent/chart --set nodeSelector.a\.b/c=d`],
    ['several values at once', 'helm install r apps/agent/chart --set config.agentId=a,replicaCount=2'],
    ['values of Argo Workflows', 'helm install r apps/agent/chart --set argoWorkflows.workflow.whatever=1'],
    ['variables of the control plane', 'export PUBLIC_URL=https://HOST'],
    ['variables of a script itself', 'token=$(cat token)\necho "$token"'],
  ])('%s are none', (_, text) => {
    expect(problems('sh', text)).toEqual([]);
  });
});

describe('YAML', () => {
  test.each([
    ['yaml values', 'config:\n  secretManager: aws\n'],
    ['yaml values', 'config:\n  agentId: a\n  agentId: b\n'],
    ['yaml control-plane', 'config:\n  agentId: a\n'],
    ['yaml kubernetes', 'kind: Role\nmetadata:\n  name: a\n'],
    ['yaml kubernetes', 'apiVersion: v1\nkind: Secret\n'],
  ])('%s that is wrong is a finding', (kind, text) => {
    expect(problems(kind, text)).toHaveLength(1);
  });
});

describe('JSON', () => {
  const policy = (statement: object): string => JSON.stringify({ Version: '2012-10-17', Statement: [statement] });

  test.each([
    ['json', '{'],
    ['json policy', '{"Version": "2012-10-17", "Statement": []}'],
    ['json policy', policy({ Effect: 'Allow', Action: 'secretsmanager:GetSecretsValue', Resource: '*' })],
    ['json policy', policy({ Effect: 'Allow', Action: 'secretsmanager:GetSecretValue' })],
    ['json trust', policy({ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '*', Principal: {} })],
    ['json placement', '{"metadata": {"tolerations": [{"operator": "Equals"}]}}'],
    ['json placement', '{"metadta": {}}'],
  ])('%s %s is a finding', (kind, text) => {
    expect(problems(kind, text)).not.toEqual([]);
  });
});

describe('words of a program', () => {
  test('are told from words that no source says', () => {
    expect(problems('text', 'HOST refused the connection: nothing listens there\n')).toEqual([]);
    expect(problems('text', 'HOST refused the connection: nobody listens there\n')).toHaveLength(1);
  });
});
