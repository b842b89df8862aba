import { readFileSync, readdirSync } from 'node:fs';
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

/** An image that a chart installs unless its values say otherwise. */
export interface NamedImage {
  readonly place: string;
  readonly repository: string;
  /** Name under which a release pushes it. */
  readonly name: string;
}

/** @param repository root folder */
export function namedImages(repository: string): readonly NamedImage[] {
  return APPS.map((app) => {
    const values = readFileSync(join(repository, app, 'chart/values.yaml'), 'utf8');
    const image = /^image:\n(?:(?: .*)?\n)*? {2}repository: *['"]?([^'"\s]*)/m.exec(values)?.[1] ?? '';
    return { place: `${app}/chart/values.yaml`, repository: image, name: app.replace('apps/', '') };
  });
}

/** One sentence for each chart that would look for its image elsewhere than where it is pushed. Pure. @param registry host and path */
export function imagesElsewhere(images: readonly NamedImage[], registry: string): readonly string[] {
  if (registry === '') return ['no registry is named for the images (the variable IMAGE_REGISTRY of the workflow)'];
  return images
    .filter(({ repository, name }) => repository !== `${registry}/${name}`)
    .map(({ place, repository, name }) => `${place} has the image ${repository}, and ${registry}/${name} is pushed`);
}

/** Changesets that no version has taken up yet. @param repository root folder */
export function waitingChangesets(repository: string): readonly string[] {
  const files = readdirSync(join(repository, '.changeset'));
  return files
    .filter((file) => file.endsWith('.md') && file !== 'README.md')
    .map((file) => `.changeset/${file} waits: merge the pull request with the versions first`);
}
