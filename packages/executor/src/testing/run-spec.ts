import { randomUUID } from 'node:crypto';
import type { RunSpec } from '../run-spec.ts';

/** A complete spec of a new run, for tests; anything in it can be replaced. */
export function testRunSpec(changes: Partial<RunSpec> = {}): RunSpec {
  return {
    runId: randomUUID(),
    owner: { controlPlaneId: '11111111-1111-4111-8111-111111111111', agentId: 'test-agent' },
    kind: 'pipeline',
    pipelineType: 'metadata',
    name: 'shop_metadata',
    fqn: 'shop_pg.shop_metadata',
    config: { source: { type: 'postgres', serviceName: 'shop_pg' } },
    deadlineSeconds: 600,
    ...changes,
  };
}
