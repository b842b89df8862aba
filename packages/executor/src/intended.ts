import type { EndIntent } from './executor.ts';
import type { Diagnosis, DiagnosisCategory } from './observation.ts';

/** Why a workload that was ended with this intent ended. */
export function intendedDiagnosis({ reason, message, diagnosis }: EndIntent): Diagnosis {
  if (diagnosis !== undefined) return diagnosis;
  return {
    category: reason === 'start_deadline' ? 'deadline' : 'unknown',
    code: reason,
    message: message ?? 'The run was ended on purpose.',
    permanent: true,
  };
}

/** Complete by its type. */
const CATEGORIES: Readonly<Record<DiagnosisCategory, true>> = {
  scheduling: true,
  image: true,
  quota: true,
  admission: true,
  configuration: true,
  secret: true,
  authentication: true,
  version: true,
  program: true,
  out_of_memory: true,
  disk: true,
  evicted: true,
  deadline: true,
  node_lost: true,
  signal: true,
  suspended: true,
  lost: true,
  unknown: true,
};

export const DIAGNOSIS_CATEGORIES = Object.keys(CATEGORIES) as readonly DiagnosisCategory[];

const isCategory = (value: unknown): value is DiagnosisCategory =>
  typeof value === 'string' && Object.hasOwn(CATEGORIES, value);

/**
 * A diagnosis that was kept with a workload, read back. A category of a newer version is `unknown`.
 * @returns undefined when it is none
 */
export function storedDiagnosis(value: unknown): Diagnosis | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { category, code, message, hint, permanent } = value as Readonly<Record<string, unknown>>;
  if (typeof code !== 'string' || typeof message !== 'string') return undefined;
  return {
    category: isCategory(category) ? category : 'unknown',
    code,
    message,
    ...(typeof hint === 'string' ? { hint } : {}),
    permanent: permanent === true,
  };
}
