import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Library } from './library.ts';
import { tarballsOf } from './library.ts';

const OWN = '@runner/secrets';

/** Copies nothing but its sources: what they import comes from the tarballs and from the registry. */
export function copyExample(root: string, work: string, libraries: ReadonlyMap<string, Library>): string {
  const source = join(root, 'examples/secrets-in-a-service');
  const folder = join(work, 'secrets-in-a-service');
  mkdirSync(folder);
  for (const part of ['src', 'test/support']) cpSync(join(source, part), join(folder, part), { recursive: true });
  const { dependencies } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({
      private: true,
      type: 'module',
      dependencies: { ...dependencies, ...tarballsOf({ name: OWN }, libraries) },
    }),
  );
  writeFileSync(
    join(folder, 'prove.mjs'),
    [
      "import { createService } from './src/service.ts';",
      "import { proveRotation } from './test/support/rotation.ts';",
      'await proveRotation(createService);',
      "console.log('proved');",
    ].join('\n'),
  );
  return folder;
}
