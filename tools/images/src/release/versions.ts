import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A place that says which version the programs or charts are. */
export interface StatedVersion {
  readonly place: string;
  readonly version: string;
}

const APPS = ['apps/agent', 'apps/control-plane'];

/** Every place a release depends upon. @param repository root folder */
export function statedVersions(repository: string): readonly StatedVersion[] {
  return APPS.flatMap((app) => {
    const manifest = JSON.parse(readFileSync(join(repository, app, 'package.json'), 'utf8')) as { version: string };
    const chart = readFileSync(join(repository, app, 'chart/Chart.yaml'), 'utf8');
    return [
      { place: `${app}/package.json`, version: manifest.version },
      { place: `${app}/chart/Chart.yaml version`, version: topLevel(chart, 'version') },
      { place: `${app}/chart/Chart.yaml appVersion`, version: topLevel(chart, 'appVersion') },
    ];
  });
}

/** A plain field of the outermost level, without quotes; empty when there is none. */
function topLevel(yaml: string, field: string): string {
  return new RegExp(`^${field}: *['"]?([^'"\\s]*)`, 'm').exec(yaml)?.[1] ?? '';
}

/** One sentence for each place that is of another version than the tag, or than all others when there is none. Pure. */
export function disagreements(stated: readonly StatedVersion[], tag: string | undefined): readonly string[] {
  if (tag !== undefined && !/^v\d+\.\d+\.\d+(-[\w.]+)?$/.test(tag))
    return [`${tag} is no tag of a release, such as v1.2.3`];
  const wanted = tag?.slice(1) ?? stated[0]?.version;
  return stated
    .filter(({ version }) => version !== wanted)
    .map(({ place, version }) => `${place} is ${version || 'missing'}, and ${wanted ?? 'nothing'} is released`);
}
