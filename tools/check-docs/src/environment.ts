import { AGENT_VARIABLES } from '@runner/agent/config';
import { CONTROL_PLANE_VARIABLES } from '@runner/control-plane/config';
import { firstTableAfter, read } from './files.ts';

interface Variable {
  readonly name: string;
}

function compare(root: string, app: string, variables: readonly Variable[]): readonly string[] {
  const page = `apps/${app}/README.md`;
  const documented = firstTableAfter(read(root, page), /^#+ Environment/);
  if (documented === undefined) return [`${page}: write a table under the heading "Environment"`];
  const names = new Set(variables.map((variable) => variable.name));
  return [
    ...[...names].filter((name) => !documented.includes(name)).map((name) => `${page}: add the variable ${name}`),
    ...documented
      .filter((name) => /^[A-Z]/.test(name) && !names.has(name))
      .map((name) => `${page}: no source reads ${name}`),
  ];
}

/** The environment tables of both applications list what their parsers read. */
export function checkEnvironmentTables(root: string): readonly string[] {
  return [...compare(root, 'agent', AGENT_VARIABLES), ...compare(root, 'control-plane', CONTROL_PLANE_VARIABLES)];
}
