import { RESERVED_VARIABLES, executorError } from '@runner/executor';
import type { Container, EnvVar } from '@runner/kube';

/**
 * Argo reads `{{…}}` (and `{{=…}}`) in every text of a template and has no way to write two braces as such. Texts of the
 * control plane are carried past it, settings that hold them are refused.
 */
export const OPENING = '{{';
/** The one expression of ours: how the main program ended. */
export const STATUS_EXPRESSION = '{{workflow.status}}';
/** The one place it may stand in. The contract owns the name, so nobody else sets it. */
const STATUS_VARIABLE = 'pipelineStatus';

/** Holds one brace. The kubelet puts it into other variables, long after Argo has read them. */
const BRACE_VARIABLE = 'RUNNER_OPEN_BRACE';

/**
 * The same environment in words that Argo leaves alone: in variables of the contract, which hold what the control plane
 * says, every second brace becomes a reference that Kubernetes resolves.
 */
export function carryBraces(environment: readonly EnvVar[]): readonly EnvVar[] {
  const carried = environment.map((variable) =>
    isCarried(variable) && variable.value !== undefined
      ? { ...variable, value: withoutOpenings(variable.value) }
      : variable,
  );
  // Kubernetes resolves references to variables that stand further up.
  return environment.some(isCarried) ? [BRACE, ...carried] : environment;
}

const BRACE: EnvVar = { name: BRACE_VARIABLE, value: '{' };
const withoutOpenings = (text: string): string => text.replaceAll(OPENING, () => `{$(${BRACE_VARIABLE})`);

/** The same for a command that is not ours, in which Kubernetes resolves references as well. */
export function carryCommand<T extends Partial<Container>>(container: T): T {
  const { command = [], env = [] } = container;
  if (!command.some((word) => word.includes(OPENING))) return container;
  return { ...container, command: command.map(withoutOpenings), env: [BRACE, ...env] };
}

const isCarried = ({ name, value }: EnvVar): boolean =>
  value?.includes(OPENING) === true && name !== STATUS_VARIABLE && RESERVED_VARIABLES.has(name);

/**
 * Place of the first text that Argo would read as a template, from here: `.tolerations[0].key`; undefined when there is
 * none, which is nearly always so.
 */
function templatePlace(value: unknown): string | undefined {
  if (typeof value === 'string') return value.includes(OPENING) ? '' : undefined;
  if (typeof value !== 'object' || value === null || isStatus(value)) return undefined;
  for (const [key, item] of Object.entries(value)) {
    if (key.includes(OPENING)) return '';
    const inner = templatePlace(item);
    if (inner !== undefined) return `${Array.isArray(value) ? `[${nameOf(item) ?? key}]` : `.${key}`}${inner}`;
  }
  return undefined;
}

const isStatus = (value: object): boolean =>
  'name' in value && value.name === STATUS_VARIABLE && 'value' in value && value.value === STATUS_EXPRESSION;

function nameOf(item: unknown): string | undefined {
  const name = typeof item === 'object' && item !== null && 'name' in item ? item.name : undefined;
  return typeof name === 'string' && !name.includes(OPENING) ? name : undefined;
}

/** @throws template_in_value */
export function refuseTemplates(spec: unknown): void {
  const found = templatePlace(spec);
  if (found === undefined) return;
  const place = found.replace(/^\./, '');
  throw executorError(
    'template_in_value',
    `A setting puts "${OPENING}" into ${place} of the Workflow; Argo would take it for an expression.`,
    {
      hint: 'Look for it in INGESTION_EXTRA_ENVS, the image, ARGO_PIPELINE_TYPE_CONFIGS and the override files.',
      details: { place },
    },
  );
}
