import { Buffer } from 'node:buffer';
import { createHash, randomUUID } from 'node:crypto';
import { systemClock, systemRandom } from '@runner/core';
import { configToken, serialiseConfig, workloadName } from '@runner/executor';
import { testRunSpec } from '@runner/executor/testing';
import type { KubeApi, KubeObject, Pod, ResourceType } from '@runner/kube';
import { PODS, createKubeApi } from '@runner/kube';
import { kubeconfigIdentity } from '@runner/kube/kubeconfig';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Workflow, WorkflowInput } from '../../src/index.ts';
import { POD_TYPE_LABEL, TEMPLATES, WORKFLOWS, buildWorkflow } from '../../src/index.ts';
import { hostileText } from '../support/hostile-text.ts';
import { reportingConfig, testPods, workflowInput } from '../support/workflow-input.ts';

const kubeconfig = process.env['KUBECONFIG'];
if (kubeconfig === undefined) {
  console.warn('SKIPPED: no Workflow was given to a real Argo, as KUBECONFIG names no cluster.');
}

const type = <T extends KubeObject = KubeObject>(
  apiVersion: string,
  kind: string,
  plural: string,
): ResourceType<T & { readonly [field: string]: unknown }> => ({ apiVersion, kind, plural, namespaced: true });
const NAMESPACES = { ...type('v1', 'Namespace', 'namespaces'), namespaced: false };
const ACCOUNTS = type('v1', 'ServiceAccount', 'serviceaccounts');
const TOKENS = type<KubeObject & { readonly status?: { readonly token?: string } }>(
  'v1',
  'TokenRequest',
  'serviceaccounts/ingestion/token',
);
const RBAC = 'rbac.authorization.k8s.io/v1';
const ROLES = type(RBAC, 'Role', 'roles');
const BINDINGS = type(RBAC, 'RoleBinding', 'rolebindings');

/** Where Argo Server listens. */
const ARGO = process.env['ARGO_SERVER_URL'] ?? 'http://127.0.0.1:2746';
const IMAGE = 'docker.io/runner/busybox:1';
/** Long enough for two pods on a small machine. */
const PATIENCE_MS = 120_000;
const clock = systemClock({ keepAlive: true });

/** What both steps do here in place of their programs: say what reached them. */
const TELL = [
  'echo "config $(printf %s "$config" | sha256sum)"',
  'echo "bytes $(printf %s "$config" | wc -c)"',
  'echo "fqn $(printf %s "$ingestionPipelineFQN" | sha256sum)"',
  'echo "status $pipelineStatus"',
  'echo "token $(ls /var/run/secrets/kubernetes.io/serviceaccount 2>/dev/null | wc -l)"',
].join('; ');

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

describe.skipIf(kubeconfig === undefined)('a Workflow of ours on a real Argo', () => {
  const namespace = `argo-workflow-${randomUUID().slice(0, 8)}`;
  const { signal } = new AbortController();
  let api: KubeApi;

  beforeAll(async () => {
    const identity = await kubeconfigIdentity({ path: kubeconfig ?? '', clock });
    api = createKubeApi({ identity, clock, random: systemRandom() });
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await api.create(NAMESPACES, '', { metadata: { name: namespace, labels } }, { signal });
    await api.create(ACCOUNTS, namespace, { metadata: { name: 'ingestion' } }, { signal });
    const rules = [
      { apiGroups: ['argoproj.io'], resources: ['workflowtaskresults'], verbs: ['create', 'patch'] },
      { apiGroups: ['argoproj.io'], resources: ['workflows'], verbs: ['create', 'get', 'list'] },
    ];
    await api.create(ROLES, namespace, { metadata: { name: 'ingestion' }, rules }, { signal });
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'ingestion' };
    const subjects = [{ kind: 'ServiceAccount', name: 'ingestion', namespace }];
    await api.create(BINDINGS, namespace, { metadata: { name: 'ingestion' }, roleRef, subjects }, { signal });
  });

  afterAll(async () => {
    await api.delete(NAMESPACES, '', namespace, { signal, propagation: 'Background' });
    await api.close();
  });

  /** With programs that every image has, and that say what they were given. */
  function telling(changes: Partial<WorkflowInput>): Workflow {
    const input = workflowInput({ namespace, pods: { ...testPods, image: { image: IMAGE } }, ...changes });
    const workflow = buildWorkflow({ ...input, name: workloadName(input.spec) });
    const templates = workflow.spec?.templates?.map((template) => ({
      ...template,
      container: { ...template.container, command: ['sh', '-c', TELL] },
    }));
    return { ...workflow, spec: { ...workflow.spec, ...(templates === undefined ? {} : { templates }) } };
  }

  async function ended(wanted: Workflow): Promise<Workflow> {
    const { object } = await api.create(WORKFLOWS, namespace, wanted, { signal });
    const name = object.metadata?.name ?? '';
    const deadline = clock.monotonic() + PATIENCE_MS;
    for (;;) {
      const seen = await api.get(WORKFLOWS, namespace, name, { signal });
      if (['Succeeded', 'Failed', 'Error'].includes(seen?.status?.phase ?? '')) return seen ?? {};
      if (clock.monotonic() > deadline) throw new Error(`waited in vain: ${JSON.stringify(seen?.status)}`);
      await clock.sleep(500, signal);
    }
  }

  async function podsOf(workflow: Workflow): Promise<ReadonlyMap<string, Pod>> {
    const labelSelector = `workflows.argoproj.io/workflow=${workflow.metadata?.name ?? ''}`;
    const { items } = await api.list(PODS, namespace, { signal, labelSelector });
    return new Map(items.map((pod) => [pod.metadata?.labels?.[POD_TYPE_LABEL] ?? '', pod]));
  }

  /** What is needed to understand a run that did not succeed. */
  async function account(workflow: Workflow): Promise<string> {
    const pods = [...(await podsOf(workflow)).values()];
    const said = await Promise.all(pods.map((pod) => told(pod)));
    return JSON.stringify({ status: workflow.status, said, pods: pods.map(({ status }) => status) });
  }

  async function told(pod: Pod | undefined): Promise<Readonly<Record<string, string>>> {
    const stream = await api.podLog(namespace, pod?.metadata?.name ?? '', { signal, container: 'main' });
    const parts: Uint8Array[] = [];
    for await (const part of stream ?? []) parts.push(part);
    const lines = Buffer.concat(parts).toString().split('\n');
    return Object.fromEntries(lines.map((line) => line.replace(/ +-$/, '').split(' ', 2) as [string, string]));
  }

  /** Argo Server's own opinion of a Workflow. */
  async function lint(workflow: Workflow): Promise<{ readonly status: number; readonly answer: string }> {
    const asked = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: { name: 'ingestion' },
      spec: { expirationSeconds: 600 },
    };
    const { object } = await api.create(TOKENS, namespace, asked, { signal });
    const response = await fetch(`${ARGO}/api/v1/workflows/${namespace}/lint`, {
      method: 'POST',
      headers: { authorization: `Bearer ${object.status?.token ?? ''}`, 'content-type': 'application/json' },
      body: JSON.stringify({ namespace, workflow }),
      signal,
    });
    return { status: response.status, answer: await response.text() };
  }

  const HOSTILE = 'a{{workflow.name}} {{=1+1}} {{{{ }} $(HOSTNAME) $$ ${x} "\' \\ \u2028 é 🚀 <b>&';

  it('runs in a namespace that enforces the restricted standard, and every value arrives as it was sent', async () => {
    const samples = Object.fromEntries(fc.sample(hostileText, 300).map((text, index) => [`text${index}`, text]));
    const config = reportingConfig('run-token', { text: HOSTILE, ...samples });
    const spec = testRunSpec({ config, exitToken: 'exit-token', fqn: `shop.${HOSTILE}` });
    const done = await ended(telling({ spec }));

    expect(done.status?.phase, await account(done)).toBe('Succeeded');
    const pods = await podsOf(done);
    const main = await told(pods.get('main'));
    const exit = await told(pods.get('exit-handler'));
    const sent = serialiseConfig({ config }, { escapeTemplates: true });
    expect(JSON.parse(sent)).toEqual(config);
    expect(main).toMatchObject({ config: sha256(sent), fqn: sha256(spec.fqn), token: '0' });
    const reported = reportingConfig('exit-token', { text: HOSTILE, ...samples });
    expect(exit).toMatchObject({
      config: sha256(serialiseConfig({ config: reported }, { escapeTemplates: true })),
      fqn: sha256(spec.fqn),
      status: 'Succeeded',
      token: '0',
    });
  });

  it('carries the largest config that there may be, and the token of each step', async () => {
    const empty = reportingConfig('run-token', { text: '' });
    const room = 131_064 - Buffer.byteLength(serialiseConfig({ config: empty }));
    const config = reportingConfig('run-token', { text: '"$<{'.repeat(room).slice(0, Math.floor(room / 5) * 4) });
    const spec = testRunSpec({ config, exitToken: 'exit-token' });
    const sent = serialiseConfig({ config }, { escapeTemplates: true });
    expect(Buffer.byteLength(sent)).toBeGreaterThan(131_050);

    const done = await ended(telling({ spec }));

    expect(done.status?.phase, await account(done)).toBe('Succeeded');
    expect(configToken(config)).toBe('run-token');
    const pods = await podsOf(done);
    expect(await told(pods.get('main'))).toMatchObject({ config: sha256(sent) });
    expect(await told(pods.get('exit-handler'))).toMatchObject({
      config: sha256(sent.replace('run-token', 'exit-token')),
      status: 'Succeeded',
    });
    expect(done.spec?.templates?.map(({ name }) => name)).toEqual([TEMPLATES.main, TEMPLATES.exit]);
  });

  it('carries a config as it is when the template is as large as one may be', async () => {
    const sized = (length: number) => telling({ spec: testRunSpec({ config: { text: '<'.repeat(length) } }) });
    let length = 20_500;
    while (sized(length).spec?.['podSpecPatch'] !== undefined) length -= 20;
    const done = await ended(sized(length));
    expect(done.status?.phase, await account(done)).toBe('Succeeded');
    const config = sha256(JSON.stringify({ text: '<'.repeat(length) }));
    expect(await told((await podsOf(done)).get('main'))).toMatchObject({ config });
  });

  it('runs its exit step after a failure, which it is told', async () => {
    const workflow = telling({});
    const [main, exit] = workflow.spec?.templates ?? [];
    const failing = {
      ...main,
      name: TEMPLATES.main,
      container: { ...main?.container, command: ['sh', '-c', 'exit 3'] },
    };
    const templates = [failing, ...(exit === undefined ? [] : [exit])];
    const done = await ended({ ...workflow, spec: { ...workflow.spec, templates } });
    expect(done.status?.phase).toBe('Failed');
    expect(await told((await podsOf(done)).get('exit-handler'))).toMatchObject({ status: 'Failed' });
  });

  it('gives the workload a token where it needs one, and files of the operator have their say', async () => {
    const pods = { ...testPods, image: { image: IMAGE }, automountServiceAccountToken: true };
    const workflow = {
      podMetadata: { labels: { team: 'data' } },
      volumes: [{ name: 'more', emptyDir: {} }],
      podSpecPatch: 'hostname: operators-own',
    };
    const container = { volumeMounts: [{ name: 'more', mountPath: '/more' }], env: [{ name: 'MORE', value: 'x' }] };
    const done = await ended(telling({ pods, overrides: { workflow, container } }));
    expect(done.status?.phase, await account(done)).toBe('Succeeded');
    const main = (await podsOf(done)).get('main');
    expect(main?.spec?.hostname).toBe('operators-own');
    expect(main?.metadata?.labels).toMatchObject({ team: 'data' });
    expect(Number((await told(main))['token'])).toBeGreaterThan(0);
  });

  it('has no fault in the eyes of Argo Server, whatever the control plane says', async () => {
    for (const text of fc.sample(hostileText, 40)) {
      const spec = testRunSpec({
        config: { text },
        fqn: `x${text.replaceAll('\0', '')}`,
        name: `x${text.replaceAll('\0', '')}`,
      });
      const { status, answer } = await lint(telling({ spec }));
      expect(status, `${JSON.stringify(text)}: ${answer}`).toBe(200);
    }
    // And it does look: what we would not have built has faults.
    const [first] = telling({}).spec?.templates ?? [];
    for (const value of ['{{workflow.nothing}}', '{{inputs.parameters.none}}', '{{steps.a.b}}']) {
      const container = { ...first?.container, env: [{ name: 'ingestionPipelineFQN', value }] };
      const spec = { entrypoint: TEMPLATES.main, templates: [{ ...first, name: TEMPLATES.main, container }] };
      const { answer } = await lint({ ...telling({}), spec });
      expect(answer).toContain(`failed to resolve ${value}`);
    }
  });
});
