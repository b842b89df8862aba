import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { REPOSITORY } from '../../src/images.ts';
import {
  disagreements,
  imagesElsewhere,
  namedImages,
  statedVersions,
  waitingChangesets,
} from '../../src/release/versions.ts';
import { expect, it } from 'vitest';

const STATED = [
  { place: 'a', version: '1.2.3' },
  { place: 'b', version: '1.2.4' },
  { place: 'c', version: '' },
];

it('programs and charts of this checkout are of one version', () => {
  expect(disagreements(statedVersions(REPOSITORY), undefined)).toEqual([]);
});

it('names each place that is not of the version of the tag', () => {
  expect(disagreements(STATED, 'v1.2.3')).toEqual([
    'b is 1.2.4, and 1.2.3 is released',
    'c is missing, and 1.2.3 is released',
  ]);
  expect(disagreements(STATED.slice(0, 1), 'v1.2.3')).toEqual([]);
});

it.each(['1.2.3', 'v1.2', 'main', ''])('refuses %j as the tag of a release', (tag) => {
  expect(disagreements(STATED.slice(0, 1), tag)).toHaveLength(1);
});

it('knows the images of the charts, which are pushed beside each other under the names of their programs', () => {
  const images = namedImages(REPOSITORY);
  expect(images.map(({ name }) => name)).toEqual(['agent', 'control-plane']);
  const registry = images[0]?.repository.replace(/\/agent$/, '') ?? '';
  expect(registry).toMatch(/^[\w.-]+\/[\w/-]+$/);
  expect(imagesElsewhere(images, registry)).toEqual([]);
  expect(imagesElsewhere(images, 'registry.example.test/team')).toHaveLength(2);
  expect(imagesElsewhere(images, '')).toHaveLength(1);
});

it('names changesets that no version has taken up', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'runner-release-'));
  try {
    await mkdir(join(folder, '.changeset'));
    for (const file of ['config.json', 'README.md', 'brave-cats-run.md']) {
      await writeFile(join(folder, '.changeset', file), '');
    }
    expect(waitingChangesets(folder)).toEqual([
      '.changeset/brave-cats-run.md waits: merge the pull request with the versions first',
    ]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
