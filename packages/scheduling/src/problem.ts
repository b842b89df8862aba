/** One thing that is wrong, or odd, in a configuration. All are collected; nothing stops at the first. */
export interface Problem {
  /** `error`: the configuration cannot be used. `warning`: it can, but not as its author may think. */
  readonly level: 'error' | 'warning';
  /** Stable, `snake_case`. */
  readonly code: string;
  /** The variable or file it stands in. */
  readonly source: string;
  /** Place inside it, as in `metadata.tolerations[0].operator`; empty for the whole. */
  readonly path: string;
  /** What is wrong, as a sentence. */
  readonly message: string;
  /** What to write instead. */
  readonly fix: string;
}

/** Where checks put what they find; knows its place in the document. */
export interface Findings {
  error(code: string, message: string, fix: string): void;
  warning(code: string, message: string, fix: string): void;
  /** True when an error was found at this place or below it. */
  failed(): boolean;
  /** The same list, one step deeper. */
  at(step: string | number): Findings;
}

/** A Findings that appends to `problems`. */
export function findingsIn(problems: Problem[], source: string, path = ''): Findings {
  const add =
    (level: Problem['level']) =>
    (code: string, message: string, fix: string): void => {
      problems.push({ level, code, source, path, message, fix });
    };
  return {
    error: add('error'),
    warning: add('warning'),
    failed: () =>
      problems.some(
        (problem) =>
          problem.level === 'error' &&
          problem.source === source &&
          (problem.path === path || problem.path.startsWith(`${path}.`) || problem.path.startsWith(`${path}[`)),
      ),
    at: (step) =>
      findingsIn(
        problems,
        source,
        typeof step === 'number' ? `${path}[${step}]` : path === '' ? step : `${path}.${step}`,
      ),
  };
}

/** One line for a person: `SIMPLEK8S_PIPELINE_TYPE_CONFIGS metadata.tolerations[0].effect: …`. */
export function describeProblem(problem: Problem): string {
  const place = problem.path === '' ? problem.source : `${problem.source} ${problem.path}`;
  return `${place}: ${problem.message} ${problem.fix}`;
}
