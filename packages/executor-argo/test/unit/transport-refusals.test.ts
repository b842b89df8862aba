import { describe, expect, it } from 'vitest';
import { ARGO_SERVER } from '../../src/transport/server/refusal.ts';
import { recording, wireText } from '../support/recording.ts';

const about = (verb: string, resource = 'workflows', group = 'argoproj.io') => ({
  verb,
  group,
  resource,
  namespace: 'runs',
  name: 'red-1',
});

describe('what the Argo Server says, as recorded, and what it means', () => {
  it.each<[name: string, verb: string, code: string, details: object]>([
    ['no-token', 'list', 'kube_unauthorized', { status: 401 }],
    ['unauthorized', 'list', 'kube_unauthorized', { status: 401 }],
    ['create-taken', 'create', 'kube_conflict', { reason: 'AlreadyExists' }],
    ['create-invalid', 'create', 'kube_invalid', { status: 400 }],
    ['create-not-json', 'create', 'kube_invalid', { status: 400 }],
    ['create-too-large', 'create', 'kube_invalid', { status: 413 }],
    ['create-far-too-large', 'create', 'kube_invalid', { status: 413 }],
    ['create-forbidden', 'create', 'kube_forbidden', { status: 403 }],
    ['get-absent', 'get', 'kube_not_found', { missing: 'object' }],
    ['get-forbidden', 'get', 'kube_forbidden', { status: 403 }],
    ['list-forbidden', 'list', 'kube_forbidden', { status: 403 }],
    ['list-bad-selector', 'list', 'kube_invalid', { status: 400 }],
    ['watch-forbidden', 'watch', 'kube_forbidden', { status: 403 }],
    ['watch-expired', 'watch', 'kube_expired', { status: 410 }],
    ['watch-invalid', 'watch', 'kube_server_error', { status: 500 }],
    ['stop-absent', 'stop', 'kube_not_found', { missing: 'object' }],
    ['stop-forbidden', 'stop', 'kube_forbidden', { status: 403 }],
    ['stop-completed', 'stop', 'kube_conflict', { reason: 'Completed' }],
    ['delete-absent', 'delete', 'kube_not_found', { missing: 'object' }],
    ['log-absent-workflow', 'get', 'kube_not_found', { missing: 'object' }],
    ['unknown-call', 'get', 'kube_protocol', { status: 501 }],
  ])('%s (%s): %s', (name, verb, code, details) => {
    const recorded = recording(name);
    const error = ARGO_SERVER.refusal(about(verb), { status: recorded.status, body: wireText(recorded) });
    expect(error).toMatchObject({ code, details });
    expect(error.message).toContain(`${verb} workflows "red-1" in namespace "runs": `);
  });

  it('names the rights that a call needs, and whose they are', () => {
    const recorded = recording('stop-forbidden');
    const error = ARGO_SERVER.refusal(about('stop'), { status: recorded.status, body: wireText(recorded) });
    expect(error.hint).toContain('apiGroups: ["argoproj.io"], resources: ["workflows"], verbs: ["get", "patch"]');
    expect(error.hint).toContain('service account of ARGO_TOKEN');
  });

  it('says that a token may have expired', () => {
    const recorded = recording('unauthorized');
    const error = ARGO_SERVER.refusal(about('list'), { status: recorded.status, body: wireText(recorded) });
    expect(error.hint).toContain('expired');
  });
});

describe('answers that are not in Argo’s words', () => {
  const html = '<!doctype html><title>Log in</title>';
  it.each<[what: string, status: number, body: string, code: string, hint: string]>([
    ['a redirect to a login page', 302, '', 'kube_protocol', 'login page'],
    ['a page that is not there', 404, html, 'kube_protocol', 'Something else than Argo'],
    ['a path that is not there', 404, '404 page not found\n', 'kube_protocol', 'Something else than Argo'],
    ['a proxy that wants a login', 401, html, 'kube_unauthorized', 'login'],
    ['a proxy that forbids', 403, html, 'kube_protocol', 'Something else than Argo'],
    ['a balancer without a server', 503, html, 'kube_server_error', 'up?'],
    ['too many requests', 429, 'Too Many Requests\n', 'kube_throttled', 'api-rate-limit'],
    ['HTTP where TLS is spoken', 400, 'Client sent an HTTP request to an HTTPS server.\n', 'kube_protocol', 'https://'],
    ['JSON of something else', 400, '{"error":"bad"}', 'kube_protocol', 'Something else than Argo'],
  ])('%s', (_what, status, body, code, hint) => {
    const error = ARGO_SERVER.refusal(about('list'), { status, body, retryAfterSeconds: 7 });
    expect(error).toMatchObject({ code, details: { status, retryAfterSeconds: 7 } });
    expect(error.hint).toContain(hint);
  });
});

describe('what the API server behind Argo meant', () => {
  const refused = (status: number, code: number, message: string) =>
    ARGO_SERVER.refusal(about('create'), { status, body: JSON.stringify({ code, message }) });

  it.each<[message: string, status: number, code: number, expected: string]>([
    [
      'workflows.argoproj.io "red-1" is forbidden: exceeded quota: most, requested: count/workflows.argoproj.io=1, used: count/workflows.argoproj.io=1, limited: count/workflows.argoproj.io=1',
      403,
      7,
      'kube_quota_exceeded',
    ],
    ['admission webhook "policy.example" denied the request: no', 400, 3, 'kube_admission_denied'],
    [
      'Operation cannot be fulfilled on workflows.argoproj.io "red-1": the object has been modified',
      409,
      6,
      'kube_conflict',
    ],
    ['namespaces "runs" not found', 404, 5, 'kube_not_found'],
    ['the server could not find the requested resource (post workflows.argoproj.io)', 404, 5, 'kube_not_found'],
    ['the server is currently unable to handle the request', 503, 14, 'kube_server_error'],
    ['context canceled', 408, 1, 'kube_server_error'],
    ['grpc: received message larger than max (104857600 vs. 104857599)', 429, 8, 'kube_invalid'],
    ['rate: Wait(n=1) would exceed context deadline', 429, 8, 'kube_throttled'],
  ])('%s', (message, status, code, expected) => {
    expect(refused(status, code, message).code).toBe(expected);
  });

  it('tells an absent namespace and an absent kind from an absent object', () => {
    expect(refused(404, 5, 'namespaces "runs" not found').details.missing).toBe('namespace');
    expect(refused(404, 5, 'the server could not find the requested resource').details.missing).toBe('kind');
  });

  it('tells a conflict from a name that is taken', () => {
    expect(refused(409, 6, 'the object has been modified').details.reason).toBe('Conflict');
  });
});
