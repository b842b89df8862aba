import type { RunKind, RunSpec } from '../run-spec.ts';

/** Container of the main program; the image's exit handler looks for it by this name. */
export const MAIN_CONTAINER = 'main';

/**
 * What the run is to the image. An ingestion pipeline of type `application` is an application: the image's `main.py`
 * does not know that type.
 */
export function workloadKind(spec: Pick<RunSpec, 'kind' | 'pipelineType'>): RunKind {
  return spec.kind === 'pipeline' && spec.pipelineType === 'application' ? 'application' : spec.kind;
}

const COMMANDS: Readonly<Record<RunKind, readonly string[]>> = {
  pipeline: ['python', 'main.py'],
  automation: ['python', 'run_automation.py'],
  application: ['python', '-m', 'metadata.applications.runner'],
};

/** Program and arguments of the main container, relative to the image's own working directory. */
export function workloadCommand(spec: Pick<RunSpec, 'kind' | 'pipelineType'>): readonly string[] {
  return COMMANDS[workloadKind(spec)];
}

/** Program and arguments of the step that reports a bad end on behalf of the main container. */
export const EXIT_COMMAND: readonly string[] = ['python', 'exit_handler.py'];
