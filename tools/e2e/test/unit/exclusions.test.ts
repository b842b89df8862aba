import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Cluster } from '../../src/index.ts';
import { hasArgo, lackOfArgo } from '../../src/index.ts';
import { exclusionsOn } from '../../src/exclusions.ts';

const withWorkflows: Pick<Cluster, 'find'> = {
  find: (_kind, _namespace, name) => Promise.resolve({ metadata: { name } }),
};
const withoutWorkflows: Pick<Cluster, 'find'> = { find: () => Promise.resolve(undefined) };

/** The address of a server that answers everything with this status, or that is gone. */
async function server(status: number | undefined): Promise<{ readonly url: string } & AsyncDisposable> {
  const listening = createServer((_request, response) => response.writeHead(status ?? 500).end());
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
  const close = async (): Promise<void> => {
    await new Promise((resolve) => listening.close(resolve));
  };
  if (status === undefined) await close();
  return { url, [Symbol.asyncDispose]: status === undefined ? () => Promise.resolve() : close };
}

describe('tests on a cluster', () => {
  it('are all run on that of tools/cluster with Argo', () => {
    expect(exclusionsOn({ ours: true, lackOfArgo: undefined })).toEqual({ patterns: [], lines: [] });
  });

  it('leave out, and say so, what stops its programs, and what makes Workflows where there can be none', () => {
    const { patterns, lines } = exclusionsOn({ ours: false, lackOfArgo: 'There is no Argo.' });
    expect(patterns).toEqual(expect.arrayContaining(['**/*outages.test.ts', '**/argo-*.test.ts']));
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(/^### SKIPPED: .*argo-\*.* There is no Argo\.$/);
  });

  it('make no Workflows where npm run test:e2e has found that there can be none', () => {
    expect([hasArgo({}), hasArgo({ E2E_WITHOUT_ARGO: 'false' }), hasArgo({ E2E_WITHOUT_ARGO: 'true' })]).toEqual([
      ...[true, true, false],
    ]);
  });
});

describe('Argo', () => {
  it('is there when the cluster knows Workflows and a server answers, whatever it says', async () => {
    for (const status of [200, 401]) {
      await using argo = await server(status);
      expect(await lackOfArgo(withWorkflows, argo.url)).toBeUndefined();
    }
  });

  it('is lacking without either', async () => {
    await using argo = await server(200);
    await using nobody = await server(undefined);
    expect(await lackOfArgo(withoutWorkflows, argo.url)).toContain('workflows.argoproj.io');
    expect(await lackOfArgo(withWorkflows, nobody.url)).toContain(`${nobody.url} (ARGO_SERVER_URL)`);
  });
});
