import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Evidence, KubeEvent, Pod } from '../../../src/index.ts';
import { diagnose, diagnoseRefusal, keepPullReasons } from '../../../src/index.ts';
import { keepPod } from '../../../src/runs/kept.ts';
import { CONTEXT, recorded } from './recorded.ts';

const IMAGE = '118146679784.dkr.ecr.eu-west-1.amazonaws.com/runner-slim:om-1.11.1-cl-1.11.1';

const event = (reason: string, message: string, seconds = 0, kind = 'Pod'): KubeEvent => ({
  metadata: {},
  involvedObject: { kind },
  reason,
  message,
  lastTimestamp: new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString(),
});

function containerWaits(reason: string, message?: string, events: readonly KubeEvent[] = [], image = IMAGE): Evidence {
  const waiting = { reason, ...(message === undefined ? {} : { message }) };
  return {
    context: CONTEXT,
    events,
    pod: {
      spec: { containers: [{ name: 'main' }] },
      status: {
        phase: 'Pending',
        containerStatuses: [{ name: 'main', image, imageID: '', ready: false, restartCount: 0, state: { waiting } }],
      },
    },
  };
}

const podOf = (reason: string, message: string, image = IMAGE): Pod => ({
  metadata: { uid: 'p' },
  ...containerWaits(reason, message, [], image).pod,
});

describe('a pod that was given to a node which does not begin with it', () => {
  const given = (events: readonly KubeEvent[]): Evidence => ({
    context: CONTEXT,
    events,
    pod: {
      spec: { nodeName: 'worker-1', containers: [{ name: 'main' }] },
      status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'True' }] },
    },
  });
  const scheduled = event('Scheduled', 'Successfully assigned x/y to worker-1');

  it('waits for that node', () => {
    const seen = diagnose(given([event('FailedScheduling', '0/1 nodes are available', 0), scheduled]));
    expect(seen).toMatchObject({ category: 'scheduling', code: 'node_silent', permanent: false });
    expect(seen?.message).toContain('worker-1');
  });

  it('says so when the cluster has given the node up', () => {
    const seen = diagnose(given([scheduled, event('NodeNotReady', 'Node is not ready', 40)]));
    expect(seen).toMatchObject({ category: 'node_lost', code: 'node_not_ready', permanent: false });
  });

  it('is nothing to speak of once the node prepares the container, or before anybody asked for events', () => {
    expect(diagnose(containerWaits('ContainerCreating', undefined, [scheduled]))).toBeUndefined();
    expect(diagnose({ ...given([]), events: [] })).toBeUndefined();
  });
});

describe('an image that cannot be pulled', () => {
  it.each([
    [
      'image_not_found',
      true,
      `rpc error: code = NotFound desc = failed to pull and unpack image "${IMAGE}": failed to resolve reference "${IMAGE}": ${IMAGE}: not found`,
    ],
    ['image_not_found', true, 'Error response from daemon: manifest for x:1 not found: manifest unknown'],
    ['image_not_found', true, 'reading manifest 1 in quay.io/x/y: name unknown: repository not found'],
    [
      'image_unauthorized',
      true,
      'failed to resolve reference "x": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
    ],
    ['image_unauthorized', true, 'unexpected status from HEAD request to https://x/v2/y/manifests/1: 401 Unauthorized'],
    [
      'image_unauthorized',
      true,
      'failed to authorize: failed to fetch anonymous token: unexpected status: 403 Forbidden',
    ],
    ['image_unauthorized', true, 'Head "https://x/v2/y/manifests/1": no basic auth credentials'],
    ['image_unauthorized', true, 'denied: Your authorization token has expired. Reauthenticate and try again.'],
    [
      'image_rate_limited',
      false,
      'failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/x/manifests/1: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit.',
    ],
    ['registry_unreachable', false, 'failed to do request: Head "https://x/v2/": dial tcp 10.0.0.1:443: i/o timeout'],
    ['registry_unreachable', false, 'net/http: TLS handshake timeout'],
    ['registry_unreachable', false, 'failed to do request: Head "https://x/v2/": proxyconnect tcp: EOF'],
    [
      'registry_untrusted',
      true,
      'failed to do request: Head "https://x/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority',
    ],
    ['registry_untrusted', true, 'http: server gave HTTP response to HTTPS client'],
    ['image_wrong_platform', true, 'no match for platform in manifest: not found'],
    ['image_wrong_platform', true, 'no matching manifest for linux/arm64/v8 in the manifest list entries'],
    ['registry_failed', false, 'unexpected status code https://x/v2/y/manifests/1: 503 Service Unavailable'],
    [
      'registry_failed',
      false,
      'failed to copy: httpReadSeeker: failed open: unexpected status code https://r.io/v2/x/blobs/sha256:4010401: 500 Internal Server Error',
    ],
    ['registry_failed', false, 'pinging container registry r.io: invalid status code from registry 502 (Bad Gateway)'],
    ['image_unauthorized', true, 'Requesting bearer token: invalid status code from registry 403 (Forbidden)'],
    [
      'image_unauthorized',
      true,
      'failed to resolve reference "x": unexpected status code [manifests 1]: 401 Unauthorized',
    ],
    ['image_unauthorized', true, 'reading manifest 1 in r.io/x/y: StatusCode: 403, "<html>"'],
    [
      'image_unauthorized',
      true,
      'denied: Permission "artifactregistry.repositories.downloadArtifacts" denied on resource',
    ],
    ['image_unauthorized', true, '{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}'],
    ['registry_unreachable', false, 'dial tcp 10.0.0.1:443: connect: permission denied'],
    [
      'registry_unreachable',
      false,
      'failed to authorize: failed to fetch oauth token: Post "https://auth.r.io/token": dial tcp 1.2.3.4:443: i/o timeout',
    ],
    ['image_pull_failed', false, 'open /var/lib/containerd/ingest/1: permission denied'],
    ['image_pull_failed', false, 'exec: "docker-credential-ecr-login": executable file not found in $PATH'],
    ['node_disk_full', false, 'failed to extract layer: write /var/lib/x: no space left on device'],
    ['image_pull_failed', false, 'something nobody has seen before'],
  ])('is %s (permanent: %s)', (code, permanent, message) => {
    expect(diagnose(containerWaits('ErrImagePull', message))).toMatchObject({ code, permanent });
  });

  it('keeps its code while the node backs off, with the reason in the message or in an event', () => {
    const denied = `Failed to pull image "${IMAGE}": rpc error: code = Unknown desc = 403 Forbidden`;
    const backOff = `Back-off pulling image "${IMAGE}"`;
    const now = diagnose(containerWaits('ImagePullBackOff', `${backOff}: ErrImagePull: 403 Forbidden`));
    const older = diagnose(
      containerWaits('ImagePullBackOff', backOff, [
        event('Failed', denied),
        event('Failed', 'Error: ImagePullBackOff', 2),
      ]),
    );
    expect(now).toMatchObject({ code: 'image_unauthorized', permanent: true });
    expect(older).toMatchObject({ code: 'image_unauthorized', permanent: true });
  });

  it('keeps its code on a kubelet that gives the reason only between the back-offs', () => {
    const failing = podOf('ErrImagePull', `failed to resolve reference "${IMAGE}": ${IMAGE}: not found`);
    const silent = podOf('ImagePullBackOff', `Back-off pulling image "${IMAGE}"`);
    let kept: Pod | undefined;
    const story = [failing, silent, silent, failing, silent].map((pod) => {
      kept = keepPullReasons(pod, kept);
      return diagnose({ context: CONTEXT, pod: kept })?.code;
    });
    expect(new Set(story)).toEqual(new Set(['image_not_found']));
    // Another reason replaces it.
    const unreachable = podOf('ErrImagePull', 'dial tcp 10.0.0.1:443: connect: connection refused');
    kept = keepPullReasons(silent, keepPullReasons(unreachable, kept));
    expect(diagnose({ context: CONTEXT, pod: kept })?.code).toBe('registry_unreachable');
  });

  it('lends its reason to no other pod, image or state', () => {
    const failing = podOf('ErrImagePull', 'not found');
    const silent = podOf('ImagePullBackOff', `Back-off pulling image "${IMAGE}"`);
    const telling = podOf('ImagePullBackOff', `Back-off pulling image "${IMAGE}": ErrImagePull: 403 Forbidden`);
    expect(keepPullReasons(silent, undefined)).toBe(silent);
    expect(keepPullReasons(silent, { ...failing, metadata: { uid: 'other' } })).toBe(silent);
    expect(keepPullReasons(silent, podOf('ErrImagePull', 'not found', 'other:1'))).toEqual(silent);
    expect(keepPullReasons(silent, podOf('CreateContainerError', 'not found'))).toEqual(silent);
    expect(keepPullReasons(telling, failing)).toBe(telling);
    expect(keepPullReasons(podOf('ContainerCreating', ''), failing)).toEqual(podOf('ContainerCreating', ''));
  });

  it('is not judged by words in its own name', () => {
    const image = 'registry.example.com/unauthorized/certificate:1.401';
    expect(diagnose(containerWaits('ErrImagePull', `failed to pull "${image}": not found`, [], image))?.code).toBe(
      'image_not_found',
    );
  });

  it('is judged by the reason, whatever hosts, ports, names and digests are called', () => {
    const name = fc.oneof(
      fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,12}[a-z0-9])?$/),
      fc.constantFrom(
        '401',
        'unauthorized',
        'denied',
        'not-found',
        'toomanyrequests',
        'x509',
        'signature',
        'status-403',
      ),
    );
    const place = fc.record({
      host: fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.')),
      path: fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/')),
      address: fc.oneof(fc.ipV4(), fc.constantFrom('[fd00::401]', '40.1.40.3')),
      port: fc.oneof(fc.integer({ min: 1, max: 65_535 }), fc.constantFrom(401, 14_017, 4_031, 429, 5_001)),
      digest: fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `sha256:401${hex.slice(3)}`),
    });
    type Place = typeof place extends fc.Arbitrary<infer T> ? T : never;
    const texts: readonly (readonly [string, (place: Place) => string])[] = [
      ['registry_unreachable', ({ address, port }) => `dial tcp ${address}:${port}: connect: connection refused`],
      [
        'registry_unreachable',
        ({ host, path, digest, port }) =>
          `failed to do request: Head "https://${host}:${port}/v2/${path}/blobs/${digest}": dial tcp: lookup ${host} on 10.0.0.1:${port}: no such host`,
      ],
      [
        'registry_failed',
        ({ host, path, digest }) =>
          `failed to copy: httpReadSeeker: failed open: unexpected status code https://${host}/v2/${path}/blobs/${digest}: 500 Internal Server Error`,
      ],
      ['registry_failed', ({ host, port }) => `error pinging ${host}:${port}: status code 503 (Service Unavailable)`],
      [
        'image_not_found',
        ({ host, path, port }) =>
          `failed to resolve reference "${host}:${port}/${path}:1": ${host}:${port}/${path}:1: not found`,
      ],
      [
        'image_unauthorized',
        ({ host, path, port }) =>
          `unexpected status from HEAD request to https://${host}/v2/${path}/manifests/${port}: 401 Unauthorized`,
      ],
      ['image_pull_failed', ({ host, port, digest }) => `something about ${host}:${port} and ${digest}`],
    ];
    fc.assert(
      fc.property(place, fc.constantFrom(...texts), fc.boolean(), (where, [code, text], isNamed) => {
        const image = `${where.host}:${where.port}/${where.path}@${where.digest}`;
        const told = isNamed ? `failed to pull and unpack image "${image}": ${text(where)}` : text(where);
        expect(diagnose(containerWaits('ErrImagePull', told, [], image))?.code).toBe(code);
      }),
    );
  });

  it('names the pull secret that does not exist', () => {
    const missing = event(
      'FailedToRetrieveImagePullSecret',
      'Unable to retrieve some image pull secrets (omd-registry-credentials); attempting to pull the image may not succeed.',
    );
    const diagnosis = diagnose(containerWaits('ErrImagePull', '401 Unauthorized', [missing]));
    expect(diagnosis).toMatchObject({ code: 'pull_secret_missing', permanent: true });
    expect(diagnosis?.message).toContain('omd-registry-credentials');
  });

  it.each([
    [IMAGE, '12 hours'],
    ['example.azurecr.io/team/app:1', '3 hours'],
    ['europe-west1-docker.pkg.dev/project/team/app:1', 'an hour'],
    ['eu.gcr.io/project/app:1', 'an hour'],
  ])('tells how to renew the credentials for %s, which last %s', (image, lasting) => {
    const hint = diagnose(containerWaits('ErrImagePull', '403 Forbidden', [], image))?.hint;
    expect(hint).toContain('ecr-registry-helper');
    expect(hint).toContain(lasting);
  });

  it('tells nothing of renewing credentials for other registries', () => {
    for (const image of ['quay.io/x/y:1', 'notgcr.io/x:1', 'example.test/azurecr.io:1']) {
      expect(diagnose(containerWaits('ErrImagePull', '403 Forbidden', [], image))?.hint).not.toContain('ecr-registry');
    }
  });
});

describe('a pod that is being prepared', () => {
  it('is in no trouble', () => {
    expect(diagnose(containerWaits('ContainerCreating'))).toBeUndefined();
    expect(
      diagnose(containerWaits('PodInitializing', undefined, [event('Pulling', 'Pulling image "x"')])),
    ).toBeUndefined();
  });

  it('is in trouble as long as the last word of its node is one', () => {
    const failed = event('FailedCreatePodSandBox', 'Failed to create pod sandbox: rpc error: code = Unknown', 1);
    const noise = event('MissingClusterDNS', 'kubelet does not have ClusterDNS IP configured', 2);
    expect(diagnose(containerWaits('ContainerCreating', undefined, [failed, noise]))?.code).toBe('sandbox_failed');
    expect(
      diagnose(containerWaits('ContainerCreating', undefined, [event('Pulling', 'x', 3), failed])),
    ).toBeUndefined();
  });

  it('waits for volumes that come late', () => {
    const late = event('FailedMount', 'Unable to attach or mount volumes: timed out waiting for the condition');
    expect(diagnose(containerWaits('ContainerCreating', undefined, [late]))).toMatchObject({
      code: 'volume_not_mounted',
      permanent: false,
    });
  });

  it('keeps the reason when the kubelet has come to sum it up', () => {
    const why = event('FailedMount', 'MountVolume.SetUp failed for volume "v" : configmap "nosuch" not found', 10);
    const sum = event('FailedMount', 'Unable to attach or mount volumes: unmounted volumes=[v]: timed out', 20);
    expect(diagnose(containerWaits('ContainerCreating', undefined, [why, sum]))).toMatchObject({
      code: 'volume_source_missing',
      message: expect.stringContaining('"nosuch" not found') as string,
    });
  });

  it.each([
    [
      'mount-configmap-missing',
      'Create the ConfigMap nosuch in the namespace of the pod, or correct INGESTION_CA_CONFIGMAP',
    ],
    [
      'mount-configmap-key-missing',
      'Create the ConfigMap company-ca with the key ca.crt in the namespace of the pod, or correct INGESTION_CA_CONFIGMAP and INGESTION_CA_KEY',
    ],
    [
      'mount-secret-key-missing',
      'Create the Secret company-ca with the key ca.crt in the namespace of the pod, or correct INGESTION_CA_SECRET and INGESTION_CA_KEY',
    ],
  ])('names the setting of certificate authorities that are not there: %s', (name, hint) => {
    const evidence = recorded(name);
    expect(diagnose(evidence)?.hint).toBe(`${hint}: it holds the certificate authorities of the workloads.`);
    // No less when only that of the pod is left which an agent keeps.
    expect(diagnose({ ...evidence, pod: keepPod(evidence.pod ?? {}) })?.hint).toContain(hint);
  });

  it('names no setting for a volume that somebody else put into the pod', () => {
    const { hint } = diagnose(recorded('mount-secret-missing')) ?? {};
    expect(hint).toBe('Create what the volume is made of in the namespace of the pod.');
  });

  it('may be held up by a container that somebody else put into it', () => {
    const { pod, ...rest } = containerWaits('PodInitializing');
    const init = {
      name: 'mesh',
      image: 'mesh:1',
      imageID: '',
      ready: false,
      restartCount: 3,
      state: { waiting: { reason: 'CrashLoopBackOff' } },
    };
    const diagnosis = diagnose({ ...rest, pod: { ...pod, status: { ...pod?.status, initContainerStatuses: [init] } } });
    expect(diagnosis).toMatchObject({ code: 'init_container_failing' });
    expect(diagnosis?.message).toContain('mesh');
  });

  it.each([
    ['CreateContainerError', 'context deadline exceeded', 'container_not_created'],
    ['CreateContainerConfigError', 'container has runAsNonRoot and image will run as root', 'image_runs_as_root'],
    ['CreateContainerConfigError', 'failed to sync configmap cache: timed out', 'container_config_error'],
    ['RunContainerError', 'exec: "python": executable file not found in $PATH: unknown', 'program_not_found'],
    ['RunContainerError', 'exec /usr/bin/python: exec format error', 'image_wrong_platform'],
    ['RunContainerError', 'exec: "main.py": permission denied: unknown', 'program_not_executable'],
    ['RunContainerError', 'exec /bin/sh: argument list too long', 'environment_too_large'],
    ['StartError', 'cannot start: no space left on device', 'node_disk_full'],
  ])('%s, %s', (reason, message, code) => {
    expect(diagnose(containerWaits(reason, message))?.code).toBe(code);
  });
});

describe('a pod that runs', () => {
  const running = (ready: string, lastTransitionTime: string, events: readonly KubeEvent[] = []): Evidence => ({
    context: CONTEXT,
    events,
    pod: {
      spec: { containers: [{ name: 'main' }], nodeName: 'n1' },
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready, lastTransitionTime }] },
    },
  });

  it('is in no trouble, and in none of the past', () => {
    const old = event('NodeNotReady', 'Node is not ready');
    expect(diagnose(running('True', '2026-01-01T01:00:00Z', [old]))).toBeUndefined();
    expect(diagnose(running('False', '2026-01-01T01:00:00Z', [old]))).toBeUndefined();
  });

  it('is in trouble when its node does not answer', () => {
    const lost = event('NodeNotReady', 'Node is not ready', 5);
    const diagnosis = diagnose(running('False', '2026-01-01T00:00:05Z', [lost]));
    expect(diagnosis).toMatchObject({ category: 'node_lost', code: 'node_not_ready', permanent: false });
    expect(diagnosis?.message).toContain('n1');
  });
});

describe('a refusal of the API server', () => {
  it.each([
    ['quota_exceeded', 'pods "x" is forbidden: exceeded quota: a, requested: pods=1, used: pods=10, limited: pods=10'],
    ['admission_webhook_denied', 'admission webhook "policy.example.com" denied the request: no latest tags'],
    [
      'security_context_constraint',
      'pods "x" is forbidden: unable to validate against any security context constraint: [provider "anyuid": Forbidden: not usable by user or serviceaccount]',
    ],
    [
      'namespace_terminating',
      'pods "x" is forbidden: unable to create new content in namespace a because it is being terminated',
    ],
    ['namespace_missing', 'namespaces "ingestion" not found'],
    [
      'limit_range',
      'pods "x" is forbidden: cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000',
    ],
    ['pod_refused', 'pods "x" is forbidden: User "system:serviceaccount:a:b" cannot create resource "pods"'],
  ])('is %s', (code, message) => {
    expect(diagnoseRefusal(message, CONTEXT).code).toBe(code);
    expect(diagnoseRefusal(`Error creating: ${message}`, CONTEXT)).toEqual(diagnoseRefusal(message, CONTEXT));
  });

  it('for wrong fields names the fields and none of their values', () => {
    const text =
      'Pod "x" is invalid: [spec.containers[0].env[0].value: Invalid value: "{\\"jwtToken\\":\\"abc.def\\"}": too long, spec.tolerations[1].operator: Unsupported value: "Equals"]';
    const diagnosis = diagnoseRefusal(text, CONTEXT);
    expect(diagnosis).toMatchObject({ code: 'pod_invalid', permanent: true });
    expect(diagnosis.message).toContain('spec.containers[0].env[0].value (Invalid value)');
    expect(diagnosis.message).toContain('spec.tolerations[1].operator');
    expect(diagnosis.message).not.toContain('jwtToken');
  });

  it('is read from the latest event of the Job', () => {
    const events = [
      event('FailedCreate', 'Error creating: Internal error occurred: failed calling webhook "a": x', 1, 'Job'),
      event(
        'FailedCreate',
        'Error creating: pods "x" is forbidden: exceeded quota: a, requested: cpu=1, used: cpu=2, limited: cpu=2',
        2,
        'Job',
      ),
    ];
    expect(diagnose({ context: CONTEXT, job: {}, events: events.toReversed() })?.code).toBe('quota_exceeded');
  });

  it('is over as soon as there is a pod', () => {
    const { events } = recorded('quota-used-up');
    expect(diagnose({ ...containerWaits('ContainerCreating'), events: events ?? [] })).toBeUndefined();
  });
});

describe('texts of the cluster', () => {
  it('are shown without credentials, on one line and cut', () => {
    const message = `denied by\npolicy, password=hunter2hunter2 Bearer abcdefghijklmnop ${'x'.repeat(2000)}`;
    const diagnosis = diagnoseRefusal(message, CONTEXT);
    expect(diagnosis.message).not.toMatch(/hunter2|abcdefghijklmnop|\n/);
    expect(diagnosis.message.length).toBeLessThan(500);
  });
});

it('a Job without pod and events is in no trouble that is known', () => {
  expect(diagnose({ context: CONTEXT, job: {} })).toBeUndefined();
  expect(diagnose({ context: CONTEXT })).toBeUndefined();
});
