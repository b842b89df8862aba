import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { eventually } from '@runner/faults';
import type { KubeObject, TestNamespace } from '@runner/e2e';
import { kubeconfigOfTests } from '@runner/e2e';

/** What a namespace of the level `restricted` demands, and a root file system that nobody writes to. */
export const RESTRICTED_LABELS = { 'pod-security.kubernetes.io/enforce': 'restricted' };

export interface PodOptions {
  readonly image: string;
  /** Instead of the entry point of the image. */
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly serviceAccount?: string;
  /** Of the pod; undefined: the user of the image. */
  readonly user?: number;
  readonly volumes?: readonly { readonly name: string; readonly path: string; readonly source: object }[];
}

interface ContainerState {
  readonly running?: { readonly startedAt: string };
  readonly terminated?: { readonly exitCode: number };
}

export interface PodEnd {
  readonly exitCode: number;
  readonly output: string;
}

/** Makes a pod with one container, as hardened as `restricted` wants it; never started again. */
export async function startPod(namespace: TestNamespace, name: string, options: PodOptions): Promise<void> {
  const { image, command, args, env = {}, serviceAccount, user, volumes = [] } = options;
  await namespace.create('Pod', {
    metadata: { name },
    spec: {
      restartPolicy: 'Never',
      ...(serviceAccount === undefined
        ? { automountServiceAccountToken: false }
        : { serviceAccountName: serviceAccount }),
      securityContext: {
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
        ...(user === undefined ? {} : { runAsUser: user, runAsGroup: 0 }),
      },
      containers: [
        {
          name: 'main',
          image,
          imagePullPolicy: 'IfNotPresent',
          ...(command === undefined ? {} : { command }),
          ...(args === undefined ? {} : { args }),
          env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
          volumeMounts: volumes.map((volume) => ({ name: volume.name, mountPath: volume.path })),
          resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '512Mi' } },
          securityContext: {
            readOnlyRootFilesystem: true,
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
      volumes: volumes.map((volume) => ({ name: volume.name, ...volume.source })),
    },
  });
}

/** Exit code and everything it wrote, as soon as it has ended; the pod is deleted. */
export async function runPod(namespace: TestNamespace, name: string, options: PodOptions): Promise<PodEnd> {
  await startPod(namespace, name, options);
  const { exitCode } = await eventually(`the pod ${name} ends`, async () => {
    const pod = await namespace.find('Pod', name);
    return present(pod, options.image)?.terminated;
  });
  const output = await podLog(namespace, name);
  await namespace.remove('Pod', name, { graceSeconds: 0 });
  return { exitCode, output };
}

/** Everything the container of a pod wrote. */
export async function podLog(namespace: TestNamespace, name: string): Promise<string> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfigOfTests());
  return await config.makeApiClient(CoreV1Api).readNamespacedPodLog({ name, namespace: namespace.name });
}

/** Milliseconds by the clock of this machine, which is that of the node. */
export interface ColdStart {
  readonly ip: string;
  /** When the program of the container was started; the API has whole seconds, so up to one second too early. */
  readonly started: number;
  readonly ready: number;
}

/** Waits until `/readyz` of a started pod answers 200. */
export async function untilReady(namespace: TestNamespace, name: string, options: PodOptions): Promise<ColdStart> {
  const ip = await eventually(`the pod ${name} has an address`, async () => {
    const pod = await namespace.find('Pod', name);
    const state = present(pod, options.image);
    if (state?.terminated !== undefined) throw new Error(`it ended: ${await podLog(namespace, name)}`);
    return pod?.status?.['podIP'] as string | undefined;
  });
  await eventually(`the pod ${name} is ready`, async () => (await statusOf(`http://${ip}:8585/readyz`)) === 200).catch(
    async (error: unknown) => {
      throw new Error(`${String(error)}: ${await podLog(namespace, name)}`);
    },
  );
  const ready = Date.now();
  const started = await eventually(`the API says when ${name} was started`, async () => {
    return present(await namespace.find('Pod', name), options.image)?.running?.startedAt;
  });
  return { ip, started: Date.parse(started), ready };
}

/** Undefined while nobody answers. */
export async function statusOf(url: string): Promise<number | undefined> {
  return await fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
    ({ status }) => status,
    () => undefined,
  );
}

/** State of the container. @throws when the image is not on the node */
function present(pod: KubeObject | undefined, image: string): ContainerState | undefined {
  const [status] = (pod?.status?.['containerStatuses'] ?? []) as readonly {
    readonly state: ContainerState & Waiting;
  }[];
  const reason = status?.state.waiting?.reason ?? '';
  if (/^(ErrImage|ImagePull|InvalidImage)/.test(reason)) {
    throw new Error(`${image} is not on the node: npm run images -- --base local --load`);
  }
  return status?.state;
}

interface Waiting {
  readonly waiting?: { readonly reason?: string };
}
