import { otherVariableProblem } from '@runner/scheduling';
import type { Finding, Findings } from './finding.ts';
import { shown } from './finding.ts';
import { TYPE_CONFIGS_OF, schedulingFinding } from './scheduling.ts';
import type { Source } from './read.ts';
import type { ExecutorType, Variable } from './variable.ts';

/** Variables that are set although the chosen executor does not read them. */
export function warnUnread(
  table: Readonly<Record<string, Variable>>,
  sources: ReadonlyMap<string, Source>,
  type: ExecutorType,
  out: Findings,
): void {
  for (const [name, source] of sources) {
    const variable = table[name];
    if (variable?.executors === undefined || variable.executors.includes(type)) continue;
    out.warnings.push(typeConfigsOfAnother(name, source, type) ?? unread(variable, variable.executors, source, type));
  }
}

function unread(variable: Variable, readers: readonly ExecutorType[], source: Source, type: ExecutorType): Finding {
  return {
    variable: source.name,
    read: shown(source.text, variable.sensitive === true),
    message: `has no effect with the executor ${type}`,
    fix: variable.instead ?? `it is read with ${readers.join(' and ')} only; remove it or change EXECUTOR_TYPE`,
  };
}

/** Users mix the two up, and then their pods stay pending: it has a sentence of its own. */
function typeConfigsOfAnother(name: string, source: Source, type: ExecutorType): Finding | undefined {
  if (type === 'local' || !Object.values<string>(TYPE_CONFIGS_OF).includes(name)) return undefined;
  const problem = otherVariableProblem(TYPE_CONFIGS_OF[type], source.text);
  return problem === undefined ? undefined : schedulingFinding(problem, new Map([[name, source]]));
}
