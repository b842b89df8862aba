import { makeCertificate } from '@runner/core/testing';
import { PODS } from '@runner/kube';
import { startTestApiServer, startTestCluster } from '@runner/kube/testing';
import type { TestRight } from '@runner/kube/testing';
import { describe, expect, it } from 'vitest';
import { ACCOUNTS, DEFINITIONS, DEPLOYMENTS, NAMESPACES } from '../../src/doctor/looking.ts';
import type { Answered } from '../doctor.ts';
import { doctor, localEnvironment } from '../doctor.ts';

const NAMESPACE = 'ingestion';

async function stage(tls?: { readonly cert: string; readonly key: string }) {
  const { startTestArgoServer } = await import('@runner/executor-argo/testing');
  const api = await startTestApiServer({ namespaces: [NAMESPACE], kinds: [DEPLOYMENTS, DEFINITIONS] });
  const argo = await startTestArgoServer({ api, ...(tls === undefined ? {} : { tls }) });
  api.put(NAMESPACES, { metadata: { name: NAMESPACE } });
  api.put(ACCOUNTS, { metadata: { namespace: NAMESPACE, name: 'ingestion' } });
  const local = localEnvironment('ws://127.0.0.1:1');
  const ask = (
    env: Readonly<Record<string, string>>,
    {
      rights,
      argv = ['--no-pods'],
    }: { readonly rights?: readonly TestRight[]; readonly argv?: readonly string[] } = {},
  ): Promise<Answered> =>
    doctor(
      {
        AUTH_TOKEN: local.env['AUTH_TOKEN'] ?? '',
        SERVER_URL: 'ws://127.0.0.1:1',
        METRICS_SERVER_PORT: '0',
        EXECUTOR_TYPE: 'argo',
        INGESTION_NAMESPACE: NAMESPACE,
        INGESTION_IMAGE: 'example.test/ingestion:1',
        KUBECONFIG: local.file('kubeconfig', api.kubeconfig(rights, NAMESPACE)),
        ...env,
      },
      argv,
    );
  return {
    ...{ api, argo, ask, local },
    [Symbol.asyncDispose]: async () => {
      local[Symbol.dispose]();
      await argo[Symbol.asyncDispose]();
      await api[Symbol.asyncDispose]();
    },
  };
}

describe('doctor, of an Argo Server', () => {
  it('says that it takes the token, which it never tells', async () => {
    await using s = await stage();
    const token = s.api.token();
    const answer = await s.ask({ PIPELINE_SERVICE_CLIENT_ENDPOINT: s.argo.url, ARGO_TOKEN: `Bearer ${token}` });
    expect(answer.said('argo-server')).toBe('ok argo_server_ok');
    expect(answer.of('argo-server')[0]?.message).toContain('v3.7.4');
    expect(answer.output).not.toContain(token);
  });

  it('tells a token that is refused from one without rights', async () => {
    await using s = await stage();
    const endpoint = { PIPELINE_SERVICE_CLIENT_ENDPOINT: s.argo.url };
    const refused = await s.ask({ ...endpoint, ARGO_TOKEN: 'not-a-real-token' });
    expect(refused.said('argo-server')).toBe('fail argo_token_refused');
    expect(refused.output).not.toContain('not-a-real-token');
    const poor = await s.ask({ ...endpoint, ARGO_TOKEN: s.api.token([]) });
    expect(poor.said('argo-server')).toBe('fail argo_token_forbidden');
  });

  it('tells one that is away, one whose certificate is not trusted, and what is no Argo Server', async () => {
    const certificate = makeCertificate({ name: 'Argo', hosts: ['127.0.0.1'], isAuthority: true });
    await using s = await stage(certificate);
    const endpoint = { PIPELINE_SERVICE_CLIENT_ENDPOINT: s.argo.url, ARGO_TOKEN: s.api.token() };
    expect((await s.ask(endpoint)).said('argo-server')).toBe('fail argo_server_unreachable');
    const trusted = { ...endpoint, ARGO_SERVER_CERTIFICATE_PATH: s.local.file('ca.pem', certificate.cert) };
    expect((await s.ask(trusted)).said('argo-server')).toBe('ok argo_server_ok');
    s.argo.fault({ kind: 'html' });
    expect((await s.ask(trusted)).said('argo-server')).toBe('fail argo_server_other');
    const nowhere = { ...trusted, PIPELINE_SERVICE_CLIENT_ENDPOINT: 'https://127.0.0.1:1' };
    expect((await s.ask(nowhere)).said('argo-server')).toBe('fail argo_server_unreachable');
  }, 40_000);
});

describe('doctor, of an Argo Server alone', () => {
  it('tries the image all the same, in a Workflow that goes again', async () => {
    await using s = await stage();
    const { WORKFLOWS } = await import('@runner/executor-argo');
    const { startTestArgoController } = await import('@runner/executor-argo/testing');
    await using cluster = startTestCluster(s.api, { secondMs: 50 });
    const controller = startTestArgoController(s.api, { cluster, secondMs: 50 });
    const stop = s.api.onChange((type, event, { metadata }) => {
      const workflow = metadata?.labels?.['workflows.argoproj.io/workflow'];
      if (type.kind === PODS.kind && event === 'ADDED' && workflow !== undefined) cluster.exit(workflow, 0);
    });
    const alone = await s.ask(
      { PIPELINE_SERVICE_CLIENT_ENDPOINT: s.argo.url, ARGO_TOKEN: s.api.token(), KUBECONFIG: '' },
      { argv: [] },
    );
    stop();
    await controller[Symbol.asyncDispose]();
    expect(alone.said('cluster')).toBe('skipped cluster_not_asked');
    expect(alone.said('image')).toBe('ok image_ok');
    expect(s.api.objects(WORKFLOWS)).toEqual([]);
  }, 60_000);

  it('says which right the try lacks', async () => {
    await using s = await stage();
    const answer = await s.ask(
      { PIPELINE_SERVICE_CLIENT_ENDPOINT: s.argo.url, ARGO_TOKEN: s.api.token([]), KUBECONFIG: '' },
      { argv: [] },
    );
    expect(answer.said('image')).toBe('warn image_forbidden');
    expect(answer.of('image')[0]?.message).toMatch(/workflows/);
  });
});

describe('doctor, of Argo in the cluster', () => {
  it('says whether the kind Workflow is there, and a controller that is ready', async () => {
    await using s = await stage();
    const bare = await s.ask({});
    expect(bare.said('argo-definitions')).toBe('fail argo_definitions_missing');
    expect(bare.said('argo-controller')).toBe('warn argo_controller_unknown');
    expect(bare.said('argo-server')).toBe('skipped argo_server_unused');
    s.api.put(DEFINITIONS, { metadata: { name: 'workflows.argoproj.io' } });
    const controller = (readyReplicas: number) =>
      s.api.put(DEPLOYMENTS, {
        metadata: { namespace: 'default', name: 'workflow-controller' },
        status: { readyReplicas },
      });
    controller(0);
    const asleep = await s.ask({});
    expect(asleep.said('argo-definitions')).toBe('ok argo_definitions_ok');
    expect(asleep.said('argo-controller')).toBe('fail argo_controller_not_ready');
    controller(1);
    expect((await s.ask({})).said('argo-controller')).toBe('ok argo_controller_ok');
    // Somebody else's, which nobody here needs.
    s.api.put(DEPLOYMENTS, { metadata: { namespace: 'ingestion', name: 'argo-workflow-controller' } });
    expect((await s.ask({})).said('argo-controller')).toBe(
      'ok argo_controller_ok, warn argo_controller_other_not_ready',
    );
  });

  it('tries to list Workflows where definitions may not be seen, and asks for exactly the rights of the executor', async () => {
    await using s = await stage();
    const { CRD_PERMISSIONS } = await import('@runner/executor-argo');
    const rights = CRD_PERMISSIONS.map(({ group, resource, subresource, verb }) => ({
      ...{ group, namespace: NAMESPACE, verbs: [verb] },
      resources: [subresource === undefined ? resource : `${resource}/${subresource}`],
    }));
    const answer = await s.ask({}, { rights });
    expect(answer.said('argo-definitions')).toBe('ok argo_definitions_ok');
    expect(answer.said('argo-controller')).toBe('warn argo_controller_unseen');
    expect(answer.said('rights')).toBe('ok rights_ok');
    const none = await s.ask({}, { rights: [] });
    expect(none.said('argo-definitions')).toBe('warn argo_definitions_unseen');
    expect(none.of('rights')).toHaveLength(CRD_PERMISSIONS.length);
  });
});
