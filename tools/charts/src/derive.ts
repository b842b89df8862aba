import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { keyTree } from './key-tree.ts';
import { schemaOf } from './schema.ts';
import { tableOf, withTable } from './table.ts';
import { isMap, readValues } from './values.ts';

/** A file of a chart that follows from others. */
export interface DerivedFile {
  readonly path: string;
  readonly text: string;
}

export interface ChartPlace {
  /** Folder of the chart. */
  readonly folder: string;
  /** Whether the chart takes the place of another, whose values it keeps. */
  readonly replaces: boolean;
}

/**
 * What follows from a chart's values.yaml: schema, known keys, table of the README; and the versions in Chart.yaml, which are
 * those of the application's package beside it.
 */
export async function derivedFiles({ folder, replaces }: ChartPlace): Promise<readonly DerivedFile[]> {
  const read = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');
  const values = readValues(await read('values.yaml'));
  const made: Record<string, string> = {
    'values.schema.json': JSON.stringify(schemaOf(values, { closed: !replaces })),
    'README.md': withTable(await read('README.md'), tableOf(values, { marksAdded: replaces })),
    'Chart.yaml': withVersion(await read('Chart.yaml'), versionOf(await read('../package.json'))),
    ...(replaces ? { 'files/values.json': JSON.stringify(keyTree(values)) } : {}),
  };
  return await Promise.all(
    Object.entries(made).map(async ([name, text]) => {
      const path = join(folder, name);
      return { path, text: await format(text, { ...(await resolveConfig(path)), filepath: path }) };
    }),
  );
}

function versionOf(manifest: string): string {
  const parsed: unknown = JSON.parse(manifest);
  const version = isMap(parsed) ? parsed['version'] : undefined;
  if (typeof version !== 'string') throw new Error('the package of the application has no version');
  return version;
}

function withVersion(chart: string, version: string): string {
  return chart
    .replace(/^version: .*$/m, `version: ${version}`)
    .replace(/^appVersion: .*$/m, `appVersion: '${version}'`);
}
