/**
 * They stop programs of the cluster, need a node that is this machine, or the images that `npm run images` puts onto it: only
 * tools/cluster allows that.
 */
const OURS_ONLY = [
  ...['**/*outages.test.ts', '**/registry.test.ts', '**/registry-helper.test.ts', '**/images.test.ts'],
  'tools/charts/**/{install,argo-install,in-place,control-plane-install,bad-input,figures}.test.ts',
];
/** Every test of them makes Workflows. Others have some that do: those look at `WITHOUT_ARGO`. */
const ARGO_ONLY = ['**/argo-*.test.ts', 'packages/executor-argo/**'];

/** Variable that is `true` for tests where there is no Argo. */
export const WITHOUT_ARGO = 'E2E_WITHOUT_ARGO';

/** Whether tests with Workflows can run here; `npm run test:e2e` has looked. */
export const hasArgo = (env: Readonly<Record<string, string | undefined>> = process.env): boolean =>
  env[WITHOUT_ARGO] !== 'true';

export interface Exclusions {
  /** Globs of test files that are left out. */
  readonly patterns: readonly string[];
  /** What to tell of it, a line each. */
  readonly lines: readonly string[];
}

/**
 * What cannot be tested on a cluster.
 * @param lackOfArgo what `lackOfArgo` says
 */
export function exclusionsOn(cluster: { readonly ours: boolean; readonly lackOfArgo: string | undefined }): Exclusions {
  const { ours, lackOfArgo } = cluster;
  const reasons = [
    ...(ours ? [] : [{ patterns: OURS_ONLY, why: 'This is not the cluster of tools/cluster.' }]),
    ...(lackOfArgo === undefined ? [] : [{ patterns: ARGO_ONLY, why: lackOfArgo }]),
  ];
  return {
    patterns: reasons.flatMap(({ patterns }) => patterns),
    lines: reasons.map(({ patterns, why }) => `### SKIPPED: ${patterns.join(', ')}. ${why}`),
  };
}
