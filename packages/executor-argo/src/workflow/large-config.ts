import type { RunSpec } from '@runner/executor';
import { MAIN_CONTAINER, configToken, escapeTemplates, exitConfig } from '@runner/executor';
import type { EnvVar } from '@runner/kube';
import { literal } from '@runner/kube';
import { parseOverrideFile } from '@runner/scheduling/override-file';
import type { WorkflowSpec, WorkflowTemplate } from './objects.ts';
import { TEMPLATES } from './objects.ts';
import { OVERRIDE_VARIABLES } from './overrides-merge.ts';
import { isWithin } from './size.ts';

/**
 * Argo copies a whole template into an environment variable of its `init` container. One above 128 KiB it moves into a
 * ConfigMap, which its controller may not create as it is usually installed; a few bytes below that, the container cannot
 * start. So templates that come near give up their config to the patch of all pods of the Workflow, which is no part of
 * a template.
 */
const MAX_TEMPLATE_BYTES = 120_000;
/** Holds the token of a step; the one config that both steps share refers to it, and the kubelet puts it in. */
const TOKEN_VARIABLE = 'RUNNER_TOKEN';

/**
 * The same spec with its config where Argo can carry it. A patch that the spec has, from an override file, says nothing of
 * `main`, so ours is added to it.
 * @param serialise writes a config as it stands in an environment
 */
export function lightened(
  workflow: WorkflowSpec,
  run: Pick<RunSpec, 'config' | 'exitToken'>,
  serialise: (config: RunSpec['config']) => string,
): WorkflowSpec {
  const templates = workflow.templates ?? [];
  const isLight = templates.every((template) => isWithin(template, MAX_TEMPLATE_BYTES));
  if (isLight) return workflow;
  const tokens = tokensOf(run);
  const value = tokens === undefined ? literal(serialise(run.config)) : withReference(run, serialise);
  const container = {
    name: MAIN_CONTAINER,
    env: [{ name: 'config', value }],
    // A patch puts its own first; references are resolved only to variables that stand further up.
    '$setElementOrder/env': [{ name: TOKEN_VARIABLE }, { name: 'config' }],
  };
  return {
    ...workflow,
    templates: templates.map((template) => withoutConfig(template, tokens?.get(template.name))),
    podSpecPatch: JSON.stringify(withContainer(workflow['podSpecPatch'], container)),
  };
}

function withContainer(patch: unknown, container: object): object {
  const theirs = typeof patch === 'string' ? parseOverrideFile(OVERRIDE_VARIABLES.workflow, patch, []).value : {};
  const containers: unknown = theirs['containers'];
  return { ...theirs, containers: [...(Array.isArray(containers) ? (containers as unknown[]) : []), container] };
}

/** The token of each step, where they differ. */
function tokensOf(run: Pick<RunSpec, 'config' | 'exitToken'>): ReadonlyMap<string, string> | undefined {
  const { exitToken } = run;
  const runToken = configToken(run.config);
  if (exitToken === undefined || runToken === undefined || runToken === '') return undefined;
  return new Map([
    [TEMPLATES.main, runToken],
    [TEMPLATES.exit, exitToken],
  ]);
}

/** The config with a reference in place of its token: where it begins to differ from itself without a token. */
function withReference(run: Pick<RunSpec, 'config'>, serialise: (config: RunSpec['config']) => string): string {
  const whole = serialise(run.config);
  const without = serialise(exitConfig({ config: run.config, exitToken: '' }));
  let start = 0;
  while (whole[start] === without[start]) start += 1;
  return `${literal(without.slice(0, start))}$(${TOKEN_VARIABLE})${literal(without.slice(start))}`;
}

function withoutConfig(template: WorkflowTemplate, token: string | undefined): WorkflowTemplate {
  const rest = template.container?.env?.filter(({ name }) => name !== 'config') ?? [];
  const env: readonly EnvVar[] =
    token === undefined ? rest : [{ name: TOKEN_VARIABLE, value: literal(inJson(token)) }, ...rest];
  return { ...template, container: { ...template.container, env } };
}

/** A text as it stands between the quotes of JSON. */
const inJson = (text: string): string => escapeTemplates(JSON.stringify(text)).slice(1, -1);
