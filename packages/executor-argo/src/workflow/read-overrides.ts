import { RESERVED_VARIABLES } from '@runner/executor';
import type { OverrideFile, Problem } from '@runner/scheduling';
import { nearest } from '@runner/scheduling';
import { parseOverrideFile } from '@runner/scheduling/override-file';
import type { WorkflowOverrides } from '../options.ts';
import { CONTAINER_FIELDS, WORKFLOW_SPEC_FIELDS } from './known-fields.ts';
import { OVERRIDE_VARIABLES, OWNED_CONTAINER_FIELDS, OWNED_WORKFLOW_FIELDS } from './overrides-merge.ts';
import { amountsOf, field, isAmount, requestAboveLimit } from './resource-amounts.ts';
import { OPENING } from './template-safety.ts';

/** An override file as it was read. */
export interface OverrideText {
  /** Name of the variable that names the file, or the file; for messages. */
  readonly source: string;
  readonly text: string;
}

export interface OverridesReading {
  /** What may be used; absent where a file has an error or says nothing. */
  readonly overrides: WorkflowOverrides;
  /** With the line of each. Errors must be mended before anything runs. */
  readonly problems: readonly Problem[];
}

/**
 * Reads the two override files (`ARGO_INGESTION_CONTAINER_SPEC_FILE_PATH`, `ARGO_INGESTION_WORKFLOW_SPEC_FILE_PATH`):
 * fields of the container `main`, and of the spec of the Workflow. A file that is not YAML, sets what the contract of the
 * ingestion image or the runner owns, or holds an Argo expression is refused as a whole, with the lines.
 */
export function readWorkflowOverrides(files: {
  readonly container?: OverrideText;
  readonly workflow?: OverrideText;
}): OverridesReading {
  const container = read(files.container, {
    owned: OWNED_CONTAINER_FIELDS,
    known: CONTAINER_FIELDS,
    check: checkContainer,
  });
  const workflow = read(files.workflow, {
    owned: OWNED_WORKFLOW_FIELDS,
    known: WORKFLOW_SPEC_FIELDS,
    check: checkWorkflow,
  });
  return {
    overrides: {
      ...(container.value === undefined ? {} : { container: container.value }),
      ...(workflow.value === undefined ? {} : { workflow: workflow.value }),
    },
    problems: [...container.problems, ...workflow.problems],
  };
}

type Path = readonly (string | number)[];
type Report = (code: string, path: Path, message: string, fix: string, level?: Problem['level']) => void;
interface Rules {
  readonly owned: readonly string[];
  /** What there is; anything else is told, in case it was meant to be one of them. */
  readonly known: readonly string[];
  readonly check: (value: OverrideFile['value'], report: Report) => void;
}

function read(
  file: OverrideText | undefined,
  { owned, known, check }: Rules,
): { readonly value?: OverrideFile['value']; readonly problems: readonly Problem[] } {
  if (file === undefined) return { problems: [] };
  const parsed = parseOverrideFile(file.source, file.text, owned);
  const problems = [...parsed.problems];
  const report: Report = (code, path, message, fix, level = 'error') => {
    const line = parsed.line(path) ?? 1;
    const place = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('');
    problems.push({
      level,
      code,
      source: file.source,
      path: place.replace(/^\./, ''),
      message: `${message} (line ${line}).`,
      fix,
    });
  };
  checkKnown(parsed.value, known, report);
  checkTemplates(parsed.value, [], report);
  check(parsed.value, report);
  const isUsable = problems.every(({ level }) => level !== 'error') && Object.keys(parsed.value).length > 0;
  return { ...(isUsable ? { value: parsed.value } : {}), problems };
}

/** Kept all the same: a later Argo may know it. */
function checkKnown(value: OverrideFile['value'], known: readonly string[], report: Report): void {
  for (const name of Object.keys(value).filter((each) => !known.includes(each))) {
    const meant = nearest(name, known);
    const fix = meant === undefined ? 'Look it up in the documentation.' : `Did you mean "${meant}"?`;
    report('unknown_field', [name], 'is not known here', fix, 'warning');
  }
}

function checkTemplates(value: unknown, path: Path, report: Report): void {
  if (typeof value === 'string' && value.includes(OPENING)) {
    report('template_in_value', path, `holds "${OPENING}", which Argo would take for an expression`, 'Remove it.');
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    const inner = [...path, Array.isArray(value) ? Number(key) : key];
    if (key.includes(OPENING)) {
      report('template_in_value', inner, `holds "${OPENING}", which Argo would take for an expression`, 'Remove it.');
    }
    checkTemplates(item, inner, report);
  }
}

const checkContainer: Rules['check'] = (value, report) => {
  checkVariables(value['env'], report);
  checkResources(value['resources'], report);
};

function checkVariables(env: unknown, report: Report): void {
  if (env === undefined || env === null) return;
  if (!Array.isArray(env)) {
    report('wrong_type', ['env'], 'must be a list', 'Write "- name: …" items.');
    return;
  }
  for (const [index, item] of (env as readonly unknown[]).entries()) {
    const name = field(item, 'name');
    if (typeof name !== 'string' || name === '') {
      report('wrong_type', ['env', index], 'has no name', 'Write "- name: …" items.');
    } else if (RESERVED_VARIABLES.has(name)) {
      report(
        'owned_field',
        ['env', index],
        `${name} belongs to the contract of the ingestion image and cannot be set here`,
        'Remove it.',
      );
    }
  }
}

function checkResources(resources: unknown, report: Report): void {
  for (const part of ['requests', 'limits'] as const) {
    for (const [kind, amount] of amountsOf(resources, part)) {
      if (isAmount(amount)) continue;
      report('invalid_quantity', ['resources', part, kind], 'is no amount', 'Write it as in 500m, 2, 512Mi or 4Gi.');
    }
  }
  const kind = requestAboveLimit(resources);
  if (kind === undefined) return;
  report('request_above_limit', ['resources', 'requests', kind], 'is more than its limit', 'Lower it.');
}

const checkWorkflow: Rules['check'] = (value, report) => {
  if (value['podSpecPatch'] !== undefined) checkPatch(value['podSpecPatch'], report);
};

/** A patch may touch everything of a pod, so what it says of `main` belongs into the other file. */
function checkPatch(patch: unknown, report: Report): void {
  if (typeof patch !== 'string') {
    report('wrong_type', ['podSpecPatch'], 'must be a text', 'Write "podSpecPatch: |" and the patch below.');
    return;
  }
  const { value, problems } = parseOverrideFile('podSpecPatch', patch, ['restartPolicy', 'activeDeadlineSeconds']);
  const [problem] = problems;
  if (problem !== undefined) report(problem.code, ['podSpecPatch'], `does not hold: ${problem.message}`, problem.fix);
  const containers: unknown = value['containers'];
  if (Array.isArray(containers) && containers.some((each) => field(each, 'name') === 'main')) {
    report(
      'owned_field',
      ['podSpecPatch'],
      'cannot change the container main',
      `Put it into the file of ${OVERRIDE_VARIABLES.container}.`,
    );
  }
}
