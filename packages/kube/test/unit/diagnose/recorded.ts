import { readFileSync } from 'node:fs';
import type { DiagnosisContext, Evidence } from '../../../src/diagnose/evidence.ts';

export const CONTEXT: DiagnosisContext = {
  placementVariable: 'SIMPLEK8S_PIPELINE_TYPE_CONFIGS',
  pipelineType: 'metadata',
  namespace: 'runs',
};

/**
 * What a real cluster (Kubernetes 1.34.4, containerd) said of a workload in this trouble; recorded, then reduced to
 * the fields that are looked at.
 */
export function recorded(name: string): Evidence {
  const url = new URL(`../../fixtures/evidence/${name}.json`, import.meta.url);
  return { ...(JSON.parse(readFileSync(url, 'utf8')) as Omit<Evidence, 'context'>), context: CONTEXT };
}
