import { parseImagePullSecrets } from './image-pull-secrets.ts';
import type { ExecutorVariable } from './pipeline-type-configs.ts';
import { PIPELINE_TYPES, otherVariableProblem, parsePipelineTypeConfigs } from './pipeline-type-configs.ts';
import type { SchedulingSettings } from './placement-for.ts';
import { placementFor, typesWithoutEntry } from './placement-for.ts';
import { parsePodAnnotations, parsePodLabels } from './pod-metadata.ts';
import type { Problem } from './problem.ts';
import type { ResourceFamily } from './resource-settings.ts';
import { parseResourceVariables } from './resource-settings.ts';

export interface SchedulingInput {
  /** What makes the pods: decides which of the two JSON variables counts. */
  readonly executor: 'simpleK8s' | 'argo';
  /** The environment, or the part of it that matters; absent and empty mean unset. Others are ignored. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Keys that `INGESTION_POD_LABELS` and `INGESTION_POD_ANNOTATIONS` cannot have; see `parsePodLabels`. */
  readonly reservedLabels?: readonly string[];
  readonly reservedAnnotations?: readonly string[];
}

export interface SchedulingReading {
  readonly settings: SchedulingSettings;
  /** `INGESTION_POD_LABELS`. */
  readonly podLabels: Readonly<Record<string, string>>;
  /** `INGESTION_POD_ANNOTATIONS`. */
  readonly podAnnotations: Readonly<Record<string, string>>;
  /** `INGESTION_IMAGE_PULL_SECRETS`. */
  readonly imagePullSecrets: readonly string[];
  /** Everything that is wrong or odd, at once. With an error among them, nothing of the rest should be used. */
  readonly problems: readonly Problem[];
}

const VARIABLE_OF = {
  simpleK8s: 'SIMPLEK8S_PIPELINE_TYPE_CONFIGS',
  argo: 'ARGO_PIPELINE_TYPE_CONFIGS',
} as const;
const OTHER = { simpleK8s: VARIABLE_OF.argo, argo: VARIABLE_OF.simpleK8s } as const;
const OVERRIDE_FILES = ['ARGO_INGESTION_CONTAINER_SPEC_FILE_PATH', 'ARGO_INGESTION_WORKFLOW_SPEC_FILE_PATH'] as const;

/** Reads the whole scheduling configuration of ingestion pods, and says all that is wrong with it. Opens no file. */
export function readScheduling(input: SchedulingInput): SchedulingReading {
  const { executor, variables } = input;
  const variable: ExecutorVariable = VARIABLE_OF[executor];
  const types = parsePipelineTypeConfigs(variable, variables[variable]);
  const ingestion = parseResourceVariables('INGESTION', variables);
  const automation = parseResourceVariables('INGESTION_AUTOMATION_WORKFLOW', variables);
  const settings = { variable, types, ingestion: ingestion.layers, automation: automation.layers };
  const labels = parsePodLabels('INGESTION_POD_LABELS', variables['INGESTION_POD_LABELS'], {
    reserved: input.reservedLabels ?? [],
  });
  const annotations = parsePodAnnotations('INGESTION_POD_ANNOTATIONS', variables['INGESTION_POD_ANNOTATIONS'], {
    reserved: input.reservedAnnotations ?? [],
  });
  const pullSecrets = parseImagePullSecrets('INGESTION_IMAGE_PULL_SECRETS', variables['INGESTION_IMAGE_PULL_SECRETS']);
  const own = [...types.problems, ...ingestion.problems, ...automation.problems];
  return {
    settings,
    podLabels: labels.entries,
    podAnnotations: annotations.entries,
    imagePullSecrets: pullSecrets.names,
    problems: [
      ...own,
      // What is wrong by itself is not told again as a combination.
      ...(own.some((problem) => problem.level === 'error') ? [] : combinedProblems(settings)),
      ...labels.problems,
      ...annotations.problems,
      ...pullSecrets.problems,
      ...withoutEffect(executor, variables),
      ...withoutEntry(settings),
    ],
  };
}

/** Requests above limits that come from different settings: first those of every type, then each type's own. */
function combinedProblems(settings: SchedulingSettings): readonly Problem[] {
  const none = { ...settings, types: { placements: new Map<string, never>(), problems: [] } };
  const shared = (['metadata', 'automation'] as const).flatMap((type) =>
    placementFor(type, none).problems.map((problem) => ofFamily(problem, type)),
  );
  if (shared.length > 0) return shared;
  return [...settings.types.placements.keys()].flatMap((type) => placementFor(type, settings).problems);
}

/** The problem belongs to no entry: the variable that asks is named. */
function ofFamily(problem: Problem, type: 'metadata' | 'automation'): Problem {
  const family: ResourceFamily = type === 'automation' ? 'INGESTION_AUTOMATION_WORKFLOW' : 'INGESTION';
  const resource = problem.path.slice(problem.path.lastIndexOf('.') + 1).toUpperCase();
  return { ...problem, source: `${family}_${resource}_REQUEST`, path: '' };
}

/** What somebody set and this executor does not read. */
function withoutEffect(
  executor: SchedulingInput['executor'],
  variables: SchedulingInput['variables'],
): readonly Problem[] {
  const other = otherVariableProblem(VARIABLE_OF[executor], variables[OTHER[executor]]);
  const files = executor === 'argo' ? [] : OVERRIDE_FILES.filter((name) => (variables[name] ?? '') !== '');
  const [first] = files;
  return [
    ...(other === undefined ? [] : [other]),
    ...(first === undefined
      ? []
      : [
          {
            level: 'warning' as const,
            code: 'override_file_unused',
            source: first,
            path: '',
            message: `${files.length > 1 ? `and ${files.slice(1).join(', ')} are set, but override files have` : 'is set, but override files have'} no effect without Argo Workflows.`,
            fix: `Put tolerations, affinity, nodeSelector, priorityClassName and resources into ${VARIABLE_OF.simpleK8s}.`,
          },
        ]),
  ];
}

function withoutEntry({ variable, types }: SchedulingSettings): readonly Problem[] {
  const missing = typesWithoutEntry(types, PIPELINE_TYPES);
  if (missing.length === 0) return [];
  return [
    {
      level: 'warning',
      code: 'type_without_entry',
      source: variable,
      path: '',
      message: `has no entry for ${missing.join(', ')}: pods of these types get no placement.`,
      fix: 'Add an entry for each type whose pods need tolerations, a node selector or the like.',
    },
  ];
}
