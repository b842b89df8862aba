import type { Container, Pod } from '@runner/kube';

/** As the charts name it, in the Deployment and in the pod of `helm test`. */
const NAMES: ReadonlySet<string> = new Set(['hybrid-ingestion-runner', 'doctor']);

/** The container of the runner: a mesh may put its own before it. The first one where none has its name. */
export function runnerContainer({ spec }: Pod): Container | undefined {
  const containers = spec?.containers ?? [];
  return containers.find(({ name }) => NAMES.has(name)) ?? containers[0];
}
