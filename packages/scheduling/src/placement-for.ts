import type { Explanation, Layer } from './merge.ts';
import { mergeLayers } from './merge.ts';
import type { Placement } from './placement.ts';
import type { Problem } from './problem.ts';
import { findingsIn } from './problem.ts';
import { checkRequestsWithinLimits } from './resources.ts';
import { DEFAULT_RESOURCES } from './resource-settings.ts';
import type { PipelineTypeConfigs } from './pipeline-type-configs.ts';

export interface SchedulingSettings {
  /** The variable of the executor in use, for explanations. */
  readonly variable: string;
  readonly types: PipelineTypeConfigs;
  /** `INGESTION_{CPU,MEMORY}_{REQUEST,LIMIT}`. */
  readonly ingestion: readonly Layer[];
  /** `INGESTION_AUTOMATION_WORKFLOW_{CPU,MEMORY}_{REQUEST,LIMIT}`. */
  readonly automation: readonly Layer[];
}

export interface ResolvedPlacement {
  readonly placement: Placement;
  /** For each field, which setting won. */
  readonly explanation: readonly Explanation[];
  /** What only shows once everything is together: a request above a limit from another setting. */
  readonly problems: readonly Problem[];
}

/**
 * The placement of one pipeline type: built-in values, then the `INGESTION_*` variables (those of automations for
 * automations), then the type's own entry. Nothing of another type has a part in it.
 */
export function placementFor(pipelineType: string, settings: SchedulingSettings): ResolvedPlacement {
  const automation = pipelineType === 'automation';
  const builtIn = DEFAULT_RESOURCES[automation ? 'INGESTION_AUTOMATION_WORKFLOW' : 'INGESTION'];
  const own = settings.types.placements.get(pipelineType);
  const merged = mergeLayers([
    { source: 'built-in', value: { resources: builtIn } },
    ...(automation ? settings.automation : settings.ingestion),
    ...(own === undefined ? [] : [{ source: `${settings.variable} ${pipelineType}`, value: { ...own } }]),
  ]);
  const placement = merged.value as Placement;
  const problems: Problem[] = [];
  checkRequestsWithinLimits(
    placement.resources ?? {},
    findingsIn(problems, settings.variable, `${pipelineType}.resources`),
  );
  return { placement, explanation: merged.explanation, problems };
}

/** Pipeline types that have no entry although others have; worth one line at start. */
export function typesWithoutEntry(types: PipelineTypeConfigs, all: readonly string[]): readonly string[] {
  return types.placements.size === 0 ? [] : all.filter((type) => !types.placements.has(type));
}
