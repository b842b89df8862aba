import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { diagnose, diagnoseEnd, endedByDeletion } from '../../../src/index.ts';
import { recorded } from './recorded.ts';

/** Trouble, category, code, whether waiting helps, what the sentence must name. */
const WAITS: readonly (readonly [string, string, string, 'permanent' | 'passing', string])[] = [
  ['taint', 'scheduling', 'untolerated_taint', 'passing', 'taint'],
  ['node-selector', 'scheduling', 'untolerated_taint', 'passing', 'disk=nosuch'],
  ['node-affinity', 'scheduling', 'untolerated_taint', 'passing', 'node affinity'],
  ['pod-affinity', 'scheduling', 'pod_affinity_unmet', 'passing', 'other pods'],
  ['too-little-cpu', 'scheduling', 'insufficient_cpu', 'passing', 'asks for 64'],
  ['too-little-memory', 'scheduling', 'insufficient_memory', 'passing', 'asks for 900Gi'],
  ['too-little-of-both', 'scheduling', 'insufficient_resources', 'passing', 'too little memory'],
  ['too-little-gpu', 'scheduling', 'insufficient_resources', 'passing', 'example.com/gpu'],
  ['volume-unbound', 'scheduling', 'volume_unbound', 'passing', 'unbound'],
  ['volume-missing', 'scheduling', 'volume_unbound', 'passing', '"nosuch" not found'],
  ['scheduling-gate', 'suspended', 'scheduling_gated', 'passing', 'example.com/hold'],
  ['suspended', 'suspended', 'job_suspended', 'passing', 'Kueue'],
  ['quota-used-up', 'quota', 'quota_exceeded', 'passing', 'compute'],
  ['quota-never', 'quota', 'quota_too_small', 'permanent', 'requests.cpu=200m'],
  ['quota-unset', 'quota', 'quota_needs_amounts', 'permanent', 'limits.memory'],
  ['limit-range', 'quota', 'limit_range', 'permanent', 'maximum memory usage'],
  ['pod-security', 'admission', 'pod_security', 'permanent', 'restricted:latest'],
  ['admission-policy', 'admission', 'admission_policy_denied', 'permanent', 'company registry'],
  ['admission-webhook-dead', 'admission', 'admission_webhook_failed', 'passing', 'pods.example.com'],
  ['service-account', 'configuration', 'service_account_missing', 'permanent', 'nosuch'],
  ['priority-class', 'configuration', 'priority_class_missing', 'permanent', 'nosuch'],
  ['runtime-class', 'configuration', 'runtime_class_missing', 'permanent', 'nosuch'],
  ['secret-missing', 'configuration', 'config_missing', 'permanent', 'Secret nosuch'],
  ['configmap-missing', 'configuration', 'config_missing', 'permanent', 'ConfigMap nosuch'],
  ['secret-key', 'configuration', 'config_key_missing', 'permanent', 'key config of the Secret runs/half'],
  ['run-as-root', 'configuration', 'image_runs_as_root', 'permanent', 'root'],
  ['mount-secret-missing', 'configuration', 'volume_source_missing', 'permanent', 'nosuch'],
  ['mount-secret-key-missing', 'configuration', 'volume_source_missing', 'permanent', 'Secret company-ca'],
  ['mount-configmap-missing', 'configuration', 'volume_source_missing', 'permanent', '"nosuch" not found'],
  ['mount-configmap-key-missing', 'configuration', 'volume_source_missing', 'permanent', 'ConfigMap company-ca'],
  ['image-invalid', 'image', 'image_name_invalid', 'permanent', 'Docker.io/Runner'],
  ['image-never', 'image', 'image_never_pulled', 'permanent', 'runner/never:1'],
  ['image-no-such-host', 'image', 'registry_unreachable', 'passing', 'no such host'],
  ['image-registry-no-dns', 'image', 'registry_unreachable', 'passing', 'runner/nosuch:1'],
  ['image-refused', 'image', 'registry_unreachable', 'passing', 'connection refused'],
  ['image-registry-400', 'image', 'image_pull_failed', 'passing', '400 Bad Request'],
  ['pull-secret-missing', 'image', 'registry_unreachable', 'passing', 'registry.invalid'],
];

const ENDS: readonly (readonly [string, string, string, string])[] = [
  ['oom', 'out_of_memory', 'out_of_memory', '64Mi'],
  ['oom-child', 'out_of_memory', 'out_of_memory', 'or a process it started'],
  ['deadline-pod', 'deadline', 'run_deadline', '5 s'],
  ['deadline-job', 'deadline', 'job_deadline', '6 s'],
  ['evicted-ephemeral-storage', 'evicted', 'evicted_for_disk', '20Mi'],
  ['drained', 'evicted', 'evicted_by_request', 'drained'],
  ['preempted', 'evicted', 'preempted', 'higher priority'],
  ['no-execute-taint', 'evicted', 'evicted_by_taint', 'NoExecute'],
  ['deleted-by-hand', 'lost', 'pod_deleted', 'pod'],
  ['deleted-with-sigterm', 'lost', 'pod_deleted', 'pod'],
  ['pod-lost', 'lost', 'pod_deleted', 'gone'],
  ['out-of-cpu', 'scheduling', 'rejected_by_node', 'OutOfcpu'],
  ['kubelet-affinity', 'scheduling', 'rejected_by_node', 'NodeAffinity'],
  ['command-not-found', 'program', 'program_not_found', 'program'],
  ['command-no-such-file', 'program', 'program_not_found', 'program'],
  ['working-dir', 'program', 'program_not_started', '/proc/nosuch'],
  ['exit-1', 'program', 'exit_code', 'exit code 1'],
  ['exit-127', 'program', 'program_not_found', '127'],
  ['exit-137', 'signal', 'died_by_signal', 'SIGKILL'],
];

describe('what a real cluster says of a workload that waits', () => {
  it.each(WAITS)('%s is %s: %s, %s', (name, category, code, lasting, named) => {
    const evidence = recorded(name);
    const diagnosis = diagnose(evidence);
    expect(diagnosis).toMatchObject({ category, code, permanent: lasting === 'permanent' });
    expect(diagnosis?.message).toContain(named);
    expect(diagnosis?.hint).toMatch(/\.$/);
    expect(diagnoseEnd(evidence)).toBeUndefined();
  });
});

describe('what a real cluster says of a workload that ended badly', () => {
  it.each(ENDS)('%s is %s: %s', (name, category, code, named) => {
    const evidence = recorded(name);
    const diagnosis = diagnoseEnd(evidence);
    expect(diagnosis).toMatchObject({ category, code, permanent: true });
    expect(diagnosis?.message).toContain(named);
    expect(diagnose(evidence)).toBeUndefined();
  });
});

it.each([
  ['deleted-by-hand', true],
  ['deleted-with-sigterm', true],
  ['deadline-job', false],
  ['exit-1', false],
  ['oom', false],
])('%s: the program ended because its pod was deleted: %s', (name, expected) => {
  expect(endedByDeletion(recorded(name).pod)).toBe(expected);
});

it('every recording has a row here', () => {
  const files = readdirSync(new URL('../../fixtures/evidence/', import.meta.url));
  const rows = [...WAITS, ...ENDS].map(([name]) => `${name}.json`);
  expect(files.toSorted()).toEqual(rows.toSorted());
});

describe('sentences', () => {
  it.each([...WAITS, ...ENDS].map(([name]) => name))('%s is one line of at most 700 characters', (name) => {
    const evidence = recorded(name);
    const diagnosis = diagnose(evidence) ?? diagnoseEnd(evidence);
    expect(diagnosis?.message).toMatch(/^[^\n]{10,700}[.…]$/);
  });
});
