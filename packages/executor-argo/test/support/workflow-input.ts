import { testRunSpec } from '@runner/executor/testing';
import type { PodSettings } from '@runner/kube';
import type { WorkflowInput } from '../../src/index.ts';

export const testPods: PodSettings = {
  image: { image: 'docker.io/runner/workload:1' },
  serviceAccountName: 'ingestion',
  scheduling: {
    variable: 'ARGO_PIPELINE_TYPE_CONFIGS',
    types: { placements: new Map(), problems: [] },
    ingestion: [],
    automation: [],
  },
};

/** Everything that a Workflow is built of; anything in it can be replaced. */
export function workflowInput(changes: Partial<WorkflowInput> = {}): WorkflowInput {
  return {
    spec: testRunSpec(),
    name: 'om-job-test',
    namespace: 'runs',
    pods: testPods,
    ttlSeconds: 604_800,
    startDeadlineSeconds: 1_800,
    exitDeadlineSeconds: 120,
    submission: 'test',
    ...changes,
  };
}

/** The config of a pipeline that reports with this token. */
export function reportingConfig(jwtToken: string, more: Readonly<Record<string, string>> = {}) {
  const openMetadataServerConfig = { hostPort: 'http://localhost/api', securityConfig: { jwtToken } };
  return { source: { serviceName: 'shop_pg', ...more }, workflowConfig: { openMetadataServerConfig } };
}
