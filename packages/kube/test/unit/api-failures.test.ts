import { describe, expect, it } from 'vitest';
import { refusalError, safeMessage } from '../../src/api/failures.ts';
import { retryAfterSeconds } from '../../src/api/retry-after.ts';
import type { About } from '../../src/api/request.ts';
import fc from 'fast-check';

const CREATE: About = { verb: 'create', group: 'batch', resource: 'jobs', namespace: 'runs', name: 'run-1' };

function status(code: number, message: string, more: object = {}): string {
  return JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message, ...more });
}

describe('what a refusal means', () => {
  it.each<[string, number, string, string]>([
    [
      'RBAC',
      403,
      'jobs.batch is forbidden: User "system:serviceaccount:runs:agent" cannot create resource "jobs" in API group "batch" in the namespace "runs"',
      'kube_forbidden',
    ],
    [
      'RBAC without a group of resources',
      403,
      'forbidden: User "system:anonymous" cannot get path "/version"',
      'kube_forbidden',
    ],
    [
      'a quota that is used up',
      403,
      'jobs.batch "run-1" is forbidden: exceeded quota: q, requested: count/jobs.batch=1, used: count/jobs.batch=1, limited: count/jobs.batch=1',
      'kube_quota_exceeded',
    ],
    [
      'a quota that asks for resources',
      403,
      'pods "run-1" is forbidden: failed quota: q: must specify limits.cpu for: main',
      'kube_admission_denied',
    ],
    [
      'Pod Security',
      403,
      'pods "run-1" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true',
      'kube_admission_denied',
    ],
    [
      'a limit range',
      403,
      'pods "run-1" is forbidden: maximum cpu usage per Container is 1, but limit is 2',
      'kube_admission_denied',
    ],
    ['a webhook with 403', 403, 'admission webhook "policy.test" denied the request: no', 'kube_admission_denied'],
    ['a webhook with 400', 400, 'admission webhook "policy.test" denied the request: no', 'kube_admission_denied'],
    [
      'a policy with 422',
      422,
      "jobs.batch \"run-1\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
      'kube_admission_denied',
    ],
    [
      'a webhook that is down',
      500,
      'Internal error occurred: failed calling webhook "policy.test"',
      'kube_server_error',
    ],
    ['credentials', 401, 'Unauthorized', 'kube_unauthorized'],
    [
      'an invalid object',
      422,
      'Job.batch "run-1" is invalid: spec.template.spec.restartPolicy: Required value',
      'kube_invalid',
    ],
    ['an object that cannot be decoded', 400, 'Job in version "v1" cannot be handled as a Job', 'kube_invalid'],
    ['too large an object', 413, 'Request entity too large: limit is 3145728', 'kube_invalid'],
    [
      'a method that is not served',
      405,
      'the server does not allow this method on the requested resource',
      'kube_invalid',
    ],
    [
      'a conflict',
      409,
      'Operation cannot be fulfilled on jobs.batch "run-1": the object has been modified',
      'kube_conflict',
    ],
    ['what is gone', 410, 'The resourceVersion for the provided list is too old.', 'kube_expired'],
    ['too many requests', 429, 'too many requests', 'kube_throttled'],
    ['a server that starts', 503, 'service unavailable', 'kube_server_error'],
  ])('%s', (_name, code, message, expected) => {
    const error = refusalError(CREATE, { status: code, body: status(code, message) });
    expect(error.code).toBe(expected);
    expect(error.message).toBe(`create jobs "run-1" in namespace "runs": ${message}`);
    expect(error.details).toMatchObject({
      verb: 'create',
      resource: 'jobs',
      namespace: 'runs',
      name: 'run-1',
      status: code,
    });
  });

  it('tells what a 404 is about', () => {
    const about = { ...CREATE, verb: 'get' };
    const object = status(404, 'jobs.batch "run-1" not found', { details: { name: 'run-1', kind: 'jobs' } });
    expect(refusalError(about, { status: 404, body: object }).details.missing).toBe('object');
    const namespace = status(404, 'namespaces "runs" not found', { details: { name: 'runs', kind: 'namespaces' } });
    const missing = refusalError(CREATE, { status: 404, body: namespace });
    expect(missing.details.missing).toBe('namespace');
    expect(missing.hint).toContain('Create the namespace');
    const kind = status(404, 'the server could not find the requested resource', { details: {} });
    expect(refusalError(about, { status: 404, body: kind }).details.missing).toBe('kind');
    expect(refusalError(about, { status: 404, body: '404 page not found\n' }).details.missing).toBe('kind');
  });

  it('tells a namespace that is being deleted', () => {
    const body = status(
      403,
      'jobs.batch "run-1" is forbidden: unable to create new content in namespace runs because it is being terminated',
      {
        reason: 'Forbidden',
        details: { name: 'run-1', kind: 'jobs', causes: [{ reason: 'NamespaceTerminating', message: 'x' }] },
      },
    );
    const error = refusalError(CREATE, { status: 403, body });
    expect(error).toMatchObject({ code: 'kube_not_found', details: { missing: 'namespace' } });
    expect(error.hint).toContain('being deleted');
  });

  it('writes the rule that would allow it', () => {
    const body = status(403, 'jobs.batch is forbidden: User "u" cannot create resource "jobs"');
    expect(refusalError(CREATE, { status: 403, body }).hint).toBe(
      'Grant it in a Role of namespace "runs" bound to the account that the message names: apiGroups: ["batch"], resources: ["jobs"], verbs: ["create"].',
    );
    const everywhere = { verb: 'list', group: '', resource: 'nodes' };
    expect(refusalError(everywhere, { status: 403, body }).hint).toContain('a ClusterRole');
  });

  it('never throws, whatever the body is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 300, max: 599 }), fc.oneof(fc.string(), fc.json()), (code, body) => {
        expect(refusalError(CREATE, { status: code, body }).code).toMatch(/^kube_/);
      }),
    );
    const odd = { kind: 'Status', message: 7, reason: {}, details: { causes: [null, 3], name: [] } };
    expect(refusalError(CREATE, { status: 422, body: JSON.stringify(odd) }).message).toContain('status 422');
  });
});

describe('what the API said', () => {
  it('is shown without credentials', () => {
    // Made up, as is everything here.
    const said = safeMessage('cannot reach https://user:hunter2hunter2@hook.test/ with Bearer abcdefgh12345678');
    expect(said).not.toContain('hunter2');
    expect(said).not.toContain('abcdefgh12345678');
    expect(said).toContain('hook.test');
  });

  it('is shown without the object that old decoders quote', () => {
    const said = safeMessage(
      'cannot be handled as a Job: ReadString: expects ", error found in #10 byte of ...|"config":"s3cret"|...',
    );
    expect(said).toBe('cannot be handled as a Job: ReadString: expects "');
  });

  it('is cut at 1 KiB, between characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 0, maxLength: 3000 }), (text) => {
        const said = safeMessage(text);
        expect(Buffer.byteLength(said)).toBeLessThanOrEqual(1024);
        expect(said.includes('\uFFFD')).toBe(text.includes('\uFFFD'));
      }),
    );
    expect(safeMessage('ü'.repeat(2000))).toMatch(/^ü{510}…$/);
  });
});

describe('Retry-After', () => {
  const now = Date.UTC(2026, 0, 1);
  it.each([
    ['5', 5],
    [' 0 ', 0],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
    ['soon', undefined],
    ['-3', undefined],
    [undefined, undefined],
  ])('%s is %s seconds', (header, expected) => {
    expect(retryAfterSeconds(header, now)).toBe(expected);
  });
});
