import { expect, test } from 'vitest';
import { shellCommands } from '../../src/blocks/shell-commands.ts';

const words = (text: string): readonly (readonly string[])[] => shellCommands(text).map((command) => command.words);

test('lines, lists and pipes are commands of their own', () => {
  expect(words('npm ci && npm test\nkubectl logs x | grep y; echo z')).toEqual([
    ['npm', 'ci'],
    ['npm', 'test'],
    ['kubectl', 'logs', 'x'],
    ['grep', 'y'],
    ['echo', 'z'],
  ]);
});

test('a line goes on behind a backslash, and quotes are taken away', () => {
  expect(words(`helm install runner chart \\\n  --set 'a.b=c d' --set "e=f"`)).toEqual([
    ['helm', 'install', 'runner', 'chart', '--set', 'a.b=c d', '--set', 'e=f'],
  ]);
});

test('commands inside a substitution are found, also within quotes', () => {
  expect(words('curl --header "Bearer $(cat admin-token)"')).toEqual([
    ['cat', 'admin-token'],
    ['curl', '--header', 'Bearer $()'],
  ]);
});

test('redirections and comments are no words', () => {
  expect(words('cat a > b 2>&1 # and that is it')).toEqual([['cat', 'a']]);
});

test('the commands of a loop are found, its head is none', () => {
  expect(words('for pod in $(kubectl get pods); do\n  kubectl delete "$pod"\ndone')).toEqual([
    ['kubectl', 'get', 'pods'],
    ['kubectl', 'delete', '$pod'],
  ]);
});

test('what a command sets for itself stands apart', () => {
  expect(shellCommands('KUBECONFIG=a npm run test:e2e')).toEqual([
    { assignments: [{ name: 'KUBECONFIG', value: 'a' }], words: ['npm', 'run', 'test:e2e'] },
  ]);
});
