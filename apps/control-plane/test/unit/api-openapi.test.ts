import { describe, expect, test } from 'vitest';
import { testApi } from '../support/api.ts';

type Json = Readonly<Record<string, unknown>>;

function visit(value: unknown, each: (key: string, value: unknown) => void): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    each(key, item);
    visit(item, each);
  }
}

describe('the OpenAPI document', () => {
  test('is version 3.1, describes every path with its failures, and points only at what it holds', async () => {
    await using api = await testApi();
    const { body, status } = await api.client().get('/openapi.json');
    expect(status).toBe(200);
    expect(body['openapi']).toBe('3.1.0');
    const paths = body['paths'] as Readonly<Record<string, Readonly<Record<string, Json>>>>;
    for (const path of [
      '/api/v1/system/version',
      '/api/v1/system/config/jwks',
      '/api/v1/services/databaseServices/name/{fqn}',
      '/api/v1/services/ingestionPipelines/{fqn}/pipelineStatus/{runId}',
      '/api/v1/services/ingestionPipelines/logs/{fqn}/stream/{runId}',
      '/api/v1/automations/workflows/trigger/{id}',
      '/api/v1/ingestionRunners/{id}/rotate-token',
      '/api/v1/ingestionRunners/{idOrName}/check-secrets',
      '/api/v1/runs/{runId}',
      '/api/v1/runs/{runId}/stream',
    ]) {
      expect(Object.keys(paths)).toContain(path);
    }
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        const named = `${method} ${path}`;
        expect({ named, summary: operation['summary'], tags: operation['tags'] }).toEqual({
          named,
          summary: expect.any(String) as string,
          tags: expect.any(Array) as unknown[],
        });
        expect(Object.keys(operation['responses'] as Json)).toEqual(expect.arrayContaining(['4XX', '5XX']));
        expect(operation['security']).toBeDefined();
      }
    }
    const missing: string[] = [];
    visit(body, (key, value) => {
      if (key !== '$ref' || typeof value !== 'string') return;
      const target = value
        .replace(/^#\//, '')
        .split('/')
        .reduce((node: unknown, segment) => (node as Json | undefined)?.[segment], body);
      if (target === undefined) missing.push(value);
    });
    expect(missing).toEqual([]);
  });

  test('says which roles may do what', async () => {
    await using api = await testApi();
    const { body } = await api.client().get('/openapi.json');
    const paths = body['paths'] as Readonly<Record<string, Readonly<Record<string, Json>>>>;
    expect(paths['/api/v1/tokens']?.['post']).toMatchObject({ 'x-roles': ['admin'], security: [{ token: [] }] });
    expect(paths['/api/v1/ingestionRunners/{idOrName}/check-secrets']?.['post']).toMatchObject({
      'x-roles': ['admin', 'user'],
    });
    expect(paths['/healthz']?.['get']).toMatchObject({ security: [] });
  });

  test('comes with a page to try it that needs nothing from elsewhere', async () => {
    await using api = await testApi();
    const page = await api.app.inject({ url: '/docs/' });
    expect(page.statusCode).toBe(200);
    expect(page.body).not.toMatch(/(src|href)="https?:\/\//);
    expect(page.headers['content-security-policy']).toContain("'self'");
    const assets = [...page.body.matchAll(/(?:src|href)="(?:\.\/|\/docs\/)?([^"]+\.(?:js|css))"/g)];
    expect(assets.length).toBeGreaterThan(2);
    for (const [, asset] of assets) {
      const path = asset?.startsWith('static/') === true ? `/docs/${asset}` : `/docs/static/${asset ?? ''}`;
      expect({ path, status: (await api.app.inject({ url: path })).statusCode }).toEqual({ path, status: 200 });
    }
  });
});
