import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const yamlIn = (path: string): readonly string[] =>
  readdirSync(path)
    .filter((name) => name.endsWith('.yaml'))
    .toSorted()
    .map((name) => join(path, name));

export const GOLDEN: string = folder('../golden');
export const FORMER_CHART: string = folder('../fixtures/former-chart');
const PROMISED = folder('../fixtures/promised');

/** Values files of `examples/values`. */
export const EXAMPLES: readonly string[] = yamlIn(folder('../../../../examples/values'));

export const promised = (name: string): readonly string[] => [
  join(PROMISED, 'base.yaml'),
  join(PROMISED, `${name}.yaml`),
];
