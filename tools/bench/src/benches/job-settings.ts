import type { PodSettings } from '@runner/kube';

/** Pods that no node takes: what is measured is what comes before them. */
export function podSettings(): PodSettings {
  const placement = { nodeSelector: { 'bench.example.test/no-such-node': 'true' } };
  return {
    image: { image: 'bench.example.test/ingestion:1' },
    serviceAccountName: 'default',
    automountServiceAccountToken: false,
    scheduling: {
      variable: 'SIMPLEK8S_PIPELINE_TYPE_CONFIGS',
      types: { placements: new Map([['metadata', placement]]), problems: [] },
      ingestion: [],
      automation: [],
    },
  };
}
