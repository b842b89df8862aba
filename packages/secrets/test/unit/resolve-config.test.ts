import { inspect } from 'node:util';
import { isSecret } from '@runner/core';
import { createSecretResolver, findSecretReferences } from '@runner/secrets';
import { createMemoryProvider } from '@runner/secrets/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const resolverOf = (values: Record<string, string>) => createSecretResolver({ provider: createMemoryProvider(values) });

describe('a resolved document', () => {
  const config = {
    source: { type: 'postgres', authType: { password: 'secret:db' }, tags: ['secret:tag', 'plain'] },
    port: 5432,
    nothing: null,
  };

  it('has a Secret at the place of each reference, and the values only in its plain form', async () => {
    await using resolver = resolverOf({ db: 'hunter2', tag: 'blue' });
    const resolved = await resolver.resolveConfig(config);
    expect(isSecret((resolved.config as typeof config).source.authType.password)).toBe(true);
    expect(`${JSON.stringify(resolved)} ${inspect(resolved, { depth: 9 })}`).not.toContain('hunter2');
    expect(resolved.reveal()).toEqual({
      ...config,
      source: { type: 'postgres', authType: { password: 'hunter2' }, tags: ['blue', 'plain'] },
    });
    expect(resolved.references).toEqual([
      { reference: 'secret:db', pointer: '/source/authType/password', id: 'db' },
      { reference: 'secret:tag', pointer: '/source/tags/0', id: 'tag' },
    ]);
  });

  it('leaves the document it was given alone', async () => {
    await using resolver = resolverOf({ db: 'hunter2', tag: 'blue' });
    const given = structuredClone(config);
    await resolver.resolveConfig(given);
    expect(given).toEqual(config);
  });

  it('has references replaced only at the pointers it was given, if any', async () => {
    await using resolver = resolverOf({ db: 'hunter2' });
    const resolved = await resolver.resolveConfig(config, { pointers: ['/source/authType/password', '/*/no/[]'] });
    expect(resolved.reveal().source).toMatchObject({
      authType: { password: 'hunter2' },
      tags: ['secret:tag', 'plain'],
    });
  });

  it('does not exist when one reference fails: the error names each place and no value', async () => {
    await using resolver = resolverOf({ tag: 'blue-value' });
    const error: unknown = await resolver.resolveConfig(config).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      code: 'secret_config_unresolved',
      retryable: false,
      details: { failures: [{ pointer: '/source/authType/password', code: 'secret_not_found' }] },
    });
    expect(inspect(error, { depth: 9 })).not.toContain('blue-value');
  });

  it('treats __proto__ as a key like any other', async () => {
    await using resolver = resolverOf({ db: 'hunter2' });
    const hostile: unknown = JSON.parse('{"__proto__":{"password":"secret:db"},"constructor":"secret:db"}');
    const resolved = await resolver.resolveConfig(hostile);
    expect(JSON.stringify(resolved.reveal())).toBe('{"__proto__":{"password":"hunter2"},"constructor":"hunter2"}');
    expect(({} as Record<string, unknown>)['password']).toBeUndefined();
  });

  it('is refused when it is nested without end', async () => {
    await using resolver = resolverOf({});
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    await expect(resolver.resolveConfig(circle)).rejects.toMatchObject({ code: 'secret_config_unresolved' });
  });

  it('without references equals what was given, for any JSON', async () => {
    await using resolver = resolverOf({});
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 6 }), async (json) => {
        const resolved = await resolver.resolveConfig(json);
        expect(resolved.references).toEqual([]);
        expect(JSON.stringify(resolved.reveal())).toBe(JSON.stringify(json));
      }),
    );
  });

  it('lists its references before anything is asked, malformed ones too', () => {
    expect(findSecretReferences({ a: ['secret:x', 'no'], 'b/c~': 'secret:', d: 'secret:secret:y' })).toEqual([
      { reference: 'secret:x', pointer: '/a/0', id: 'x' },
      { reference: 'secret:', pointer: '/b~1c~0', id: '' },
      { reference: 'secret:secret:y', pointer: '/d', id: 'y' },
    ]);
  });
});
