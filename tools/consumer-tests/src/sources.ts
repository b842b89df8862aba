import type { Library } from './library.ts';

const specifier = (library: Library, door: string): string => library.name + door.slice(1);

/** The files of a small project that uses every door of a library. */
export function consumerSources(library: Library): Record<string, string> {
  const doors = library.doors.map((door) => specifier(library, door));
  const all = [...library.doors, ...library.peerDoors].map((door) => specifier(library, door));
  const named = (list: readonly string[], line: (door: string, index: number) => string): string =>
    list.map(line).join('\n');
  const checked = (module: string): string =>
    `if (Object.keys(${module}).length === 0 && ${module}.default === undefined) throw new Error('nothing is exported');`;
  return {
    'import.mjs': named(doors, (door, i) => `const m${i} = await import('${door}');\n${checked(`m${i}`)}`),
    'require.cjs': named(doors, (door, i) => `const m${i} = require('${door}');\n${checked(`m${i}`)}`),
    'check.ts': named(all, (door, i) => `import * as m${i} from '${door}';\nexport const used${i}: object = m${i};`),
    'check.cts': named(all, (door, i) => `import m${i} = require('${door}');\nexport const used${i}: object = m${i};`),
    'tsconfig.json': JSON.stringify({
      compilerOptions: {
        module: 'nodenext',
        target: 'es2023',
        lib: ['es2023', 'ESNext.Disposable'],
        types: ['node'],
        strict: true,
        noEmit: true,
        skipLibCheck: false,
      },
      files: ['check.ts', 'check.cts'],
    }),
  };
}
