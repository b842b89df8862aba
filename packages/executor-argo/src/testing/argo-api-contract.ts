import { describe } from 'vitest';
import { accessCases } from './argo-api-contract/access.ts';
import { logCases } from './argo-api-contract/logs.ts';
import { objectCases } from './argo-api-contract/objects.ts';
import { shutdownCases } from './argo-api-contract/shutdown.ts';
import type { MakeArgoApi } from './argo-api-contract/subject.ts';
import { watchingCases } from './argo-api-contract/watching.ts';

export type { ArgoApiSubject, MakeArgoApi } from './argo-api-contract/subject.ts';

export interface ArgoApiContractOptions {
  /** How long one thing may take to happen. Default 10,000 ms; the tests' own timeout must be longer. */
  readonly timeoutMs?: number;
}

/**
 * What an `ArgoApi` and the Argo behind it do, whichever the transport, real or in memory. Call it at the top of a vitest
 * file: `argoApiContract('my server', async () => ({ argo, namespace, as, … }))`.
 */
export function argoApiContract(name: string, make: MakeArgoApi, options: ArgoApiContractOptions = {}): void {
  const context = { make, timeoutMs: options.timeoutMs ?? 10_000 };
  describe(`Argo as spoken with ${name}`, () => {
    describe('Workflows', () => objectCases(context));
    describe('watches', () => watchingCases(context));
    describe('shutdown', () => shutdownCases(context));
    describe('rights', () => accessCases(context));
    describe('logs', () => logCases(context));
  });
}
