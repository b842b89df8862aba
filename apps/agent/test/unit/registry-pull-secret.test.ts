import fc from 'fast-check';
import { Secret } from '@runner/core';
import type { KubeSecret } from '@runner/kube';
import { describe, expect, it } from 'vitest';
import { decide, describePullSecret, newPullSecret } from '../../src/registry/pull-secret.ts';
import type { RegistryToken } from '../../src/registry/tokens.ts';

const HOUR_MS = 3_600_000;
const AT = Date.UTC(2026, 0, 1);
const token = (over: Partial<Omit<RegistryToken, 'password'>> & { password?: string } = {}): RegistryToken => ({
  registry: 'example.test',
  username: 'AWS',
  expiresAt: AT,
  ...over,
  password: new Secret(over.password ?? 'not-a-real-token'),
});
const standing = (secret: KubeSecret): KubeSecret => ({
  ...secret,
  metadata: { ...secret.metadata, resourceVersion: '7' },
});
const auths = (data: unknown): Readonly<Record<string, { username: string; password: string; auth: string }>> => {
  const text = Buffer.from((data as Record<string, string>)['.dockerconfigjson'] ?? '', 'base64').toString('utf8');
  return (JSON.parse(text) as { auths: Record<string, never> }).auths;
};
const written = (decision: ReturnType<typeof decide>) => {
  if (decision.kind !== 'write') throw new Error(decision.kind);
  return decision.patch as { data: unknown; metadata: { resourceVersion: string } };
};

describe('the pull secret', () => {
  it('holds one login, is labelled as ours and says until when it is valid', () => {
    const secret = newPullSecret('pull', token());
    expect(auths(secret.data)).toEqual({
      'example.test': {
        username: 'AWS',
        password: 'not-a-real-token',
        auth: Buffer.from('AWS:not-a-real-token').toString('base64'),
      },
    });
    expect(secret.metadata?.labels).toMatchObject({ 'app.kubernetes.io/managed-by': 'hybrid-ingestion-runner' });
    expect(describePullSecret(secret)).toEqual({ expiresAt: AT, registry: 'example.test' });
  });

  it('that holds this very token is left as it is', () => {
    expect(decide(standing(newPullSecret('pull', token())), token(), false)).toEqual({ kind: 'same' });
  });

  it('is changed only as it was seen', () => {
    const patch = written(decide(standing(newPullSecret('pull', token())), token({ password: 'other' }), false));
    expect(patch.metadata.resourceVersion).toBe('7');
    expect(auths(patch.data)['example.test']?.password).toBe('other');
  });

  it('of the official helper, with a scheme in its name, is taken over', () => {
    const official: KubeSecret = {
      type: 'kubernetes.io/dockerconfigjson',
      metadata: { name: 'pull', resourceVersion: '7' },
      data: {
        '.dockerconfigjson': Buffer.from(
          JSON.stringify({ auths: { 'https://example.test': { auth: 'eA==' }, 'other.test': { auth: 'eQ==' } } }),
        ).toString('base64'),
      },
    };
    expect(Object.keys(auths(written(decide(official, token(), false)).data))).toEqual(['other.test', 'example.test']);
  });

  it.each([
    '',
    'no base64 of json',
    Buffer.from('{"auths":[]}').toString('base64'),
    Buffer.from('null').toString('base64'),
  ])('with nonsense in it (%j) is written anew', (nonsense) => {
    const secret = { ...standing(newPullSecret('pull', token())), data: { '.dockerconfigjson': nonsense } };
    expect(Object.keys(auths(written(decide(secret, token(), false)).data))).toEqual(['example.test']);
  });

  it.each(['Opaque', 'kubernetes.io/tls', undefined])('of the type %s is somebody else’s', (type) => {
    const secret: KubeSecret = { metadata: { name: 'pull' }, ...(type === undefined ? {} : { type }) };
    expect(decide(secret, token(), false)).toEqual({ kind: 'foreign', type: type ?? 'Opaque' });
  });

  it('that another helper has renewed meanwhile for longer stays', () => {
    const later = standing(newPullSecret('pull', token({ expiresAt: AT + HOUR_MS, password: 'later' })));
    expect(decide(later, token(), true)).toEqual({ kind: 'newer', expiresAt: AT + HOUR_MS });
    expect(decide(later, token(), false).kind).toBe('write');
    expect(decide(later, token({ registry: 'another.test' }), true).kind).toBe('write');
  });

  it('ends with the longest-lived of any tokens, in whatever order racing helpers come', () => {
    const times = fc.uniqueArray(fc.integer({ min: 0, max: 1_000 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(times, (offsets) => {
        let secret: KubeSecret | undefined;
        for (const offset of offsets) {
          const mine = token({ expiresAt: AT + offset * 1_000, password: `token ${offset}` });
          if (secret === undefined) secret = standing(newPullSecret('pull', mine));
          else if (decide(secret, mine, true).kind === 'write') secret = standing(newPullSecret('pull', mine));
        }
        expect(describePullSecret(secret ?? {}).expiresAt).toBe(AT + Math.max(...offsets) * 1_000);
      }),
    );
  });
});
