import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readArguments } from '../../src/arguments.ts';
import { buildWords as buildahWords } from '../../src/engine/buildah.ts';
import { buildWords as dockerWords } from '../../src/engine/docker.ts';
import type { BuildOrder } from '../../src/engine/engine.ts';
import { BUILD_BASE, IMAGES, REPOSITORY, RUN_BASE } from '../../src/images.ts';
import { fileOf, openArchive } from '../../src/layers.ts';
import { npmrcText } from '../../src/npmrc.ts';
import { outputOf } from '../../src/programs.ts';
import { sizeLine, sizesOf } from '../../src/report.ts';

const ORDER: BuildOrder = {
  context: '/checkout',
  dockerfile: 'apps/agent/Dockerfile',
  tag: 'docker.io/runner/agent:dev',
  args: { VERSION: '1.2.3' },
  secrets: { npmrc: '/tmp/npmrc', ca: '/tmp/ca.pem' },
  timestamp: 1_700_000_000,
  neverPull: true,
};

describe.each(IMAGES.map((image) => [image.name, image] as const))('the Dockerfile of the %s', (_name, { project }) => {
  const text = readFileSync(join(REPOSITORY, project, 'Dockerfile'), 'utf8');

  it('names the bases that are made where there is no registry, as arguments that a release pins', () => {
    expect(text).toContain(`ARG BUILD_IMAGE=${BUILD_BASE}\n`);
    expect(text).toContain(`ARG BASE_IMAGE=${RUN_BASE}\n`);
    expect([...text.matchAll(/^FROM (.*)$/gm)].map(([, from]) => from)).toEqual([
      '--platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build',
      '${BASE_IMAGE}',
    ]);
  });

  it('ends in an image that runs nothing to be built, as a user by number, started without a shell', () => {
    const last = text.slice(text.lastIndexOf('\nFROM '));
    expect(last).not.toMatch(/^RUN /m);
    expect(last).toMatch(/^USER 1000:1000$/m);
    expect(last).toMatch(/^ENTRYPOINT \["[\w-]+"\]$/m);
    for (const label of ['title', 'licenses', 'source', 'documentation', 'version', 'revision', 'created']) {
      expect(last).toContain(`org.opencontainers.image.${label}=`);
    }
  });

  it('sees named files only', () => {
    const ignore = readFileSync(join(REPOSITORY, project, 'Dockerfile.dockerignore'), 'utf8').split('\n');
    const rules = ignore.filter((line) => line !== '' && !line.startsWith('#'));
    expect(rules[0]).toBe('**');
    const named = rules.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    expect(named.filter((path) => !existsSync(join(REPOSITORY, path)))).toEqual([]);
    expect(rules).toEqual(expect.arrayContaining(['**/node_modules', '**/test']));
  });
});

describe('the words of a build', () => {
  it('give secrets as files that stay in no layer, to both engines', () => {
    for (const words of [buildahWords(ORDER, '/cache/npm'), dockerWords(ORDER)]) {
      const line = words.join(' ');
      expect(line).toContain('--secret id=npmrc,src=/tmp/npmrc --secret id=npm-ca,src=/tmp/ca.pem');
      expect(line).toContain('--build-arg VERSION=1.2.3');
      expect(line).toContain('1700000000');
      expect(line).toMatch(/--file apps\/agent\/Dockerfile --tag docker\.io\/runner\/agent:dev \.$/);
    }
  });

  it('leave out certificate authorities where npm has none of its own', () => {
    const order = { ...ORDER, secrets: { npmrc: '/tmp/npmrc', ca: undefined } };
    for (const words of [buildahWords(order, '/cache/npm'), dockerWords(order)]) {
      expect(words.join(' ')).not.toContain('npm-ca');
    }
  });

  it('keep buildah from asking a registry for bases that were made here', () => {
    expect(buildahWords(ORDER, '/cache/npm')).toContain('--pull-never');
    expect(buildahWords({ ...ORDER, neverPull: false }, '/cache/npm')).not.toContain('--pull-never');
  });
});

describe('the settings of npm inside of a build', () => {
  it('have registries and credentials of this machine and nothing else of its files', () => {
    const files = [
      '//mirror.example.test/:_authToken=${TOKEN}\n@scope:registry=https://scope.example.test/\nprefix=/opt\ncafile=/etc/own.pem\n',
      '; a remark\n//other.example.test/:username=somebody',
    ];
    const settings = { registry: 'https://mirror.example.test/', network: { 'strict-ssl': 'true' }, files };
    expect(npmrcText(settings, '/run/ca.pem', { TOKEN: 'not-a-real-token' })).toBe(
      [
        'registry=https://mirror.example.test/',
        'strict-ssl=true',
        'cafile=/run/ca.pem',
        '//mirror.example.test/:_authToken=not-a-real-token',
        '@scope:registry=https://scope.example.test/',
        '//other.example.test/:username=somebody',
        '',
      ].join('\n'),
    );
  });

  it('keep the name of a variable that is not set, as npm does', () => {
    const settings = { registry: 'https://mirror.example.test/', network: {}, files: ['//m/:_authToken=${NOSUCH}'] };
    expect(npmrcText(settings, undefined, {})).toBe(
      'registry=https://mirror.example.test/\n//m/:_authToken=${NOSUCH}\n',
    );
  });
});

describe('the arguments', () => {
  it('are both images upon public bases when there are none', () => {
    expect(readArguments([])).toMatchObject({ images: IMAGES, base: 'registry', load: false, out: undefined });
  });

  it('choose one image, bases, and what becomes of it', () => {
    const order = readArguments(['--only', 'agent', '--base', 'local', '--load', '--out', 'there']);
    expect(order).toMatchObject({ base: 'local', load: true, out: 'there' });
    expect(order.images.map(({ name }) => name)).toEqual(['agent']);
  });

  it.each([
    [['--only', 'nosuch'], /agent, control-plane, not nosuch/],
    [['--base', 'nosuch'], /registry or local, not nosuch/],
    [['--nosuch'], /nosuch/],
  ])('are refused in words: %j', (words, said) => {
    expect(() => readArguments(words)).toThrow(said);
  });
});

describe('sizes', () => {
  const layer = (diffId: string, bytes: number) => ({ path: diffId, diffId, bytes });

  it('tell our layers from those of the base', () => {
    const sizes = sizesOf({ layers: [layer('a', 100_000_000), layer('b', 2_500_000)] }, { layers: [layer('a', 1)] });
    expect(sizes).toMatchObject({ own: 2_500_000, total: 102_500_000 });
    expect(sizeLine('some:tag', sizes)).toBe(
      'some:tag: our layers 2.5 MB, with the base 102.5 MB, uncompressed (100.0 MB (base) + 2.5 MB)',
    );
  });

  it('are those of the uncompressed layers, whatever the archive holds; a file is read from the uppermost layer', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'runner-archive-'));
    try {
      const { archive, bytes } = await writeArchive(folder);
      const image = await openArchive(archive, join(folder, 'opened'));
      expect(image.layers.map(({ bytes: size, diffId }) => [diffId, size])).toEqual([
        ['one', bytes],
        ['two', bytes],
      ]);
      expect(await fileOf(image, 'app/said')).toBe('two');
      await expect(fileOf(image, 'app/nosuch')).rejects.toThrow('no app/nosuch');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

/** Two layers with the same file, the upper one compressed. */
async function writeArchive(folder: string): Promise<{ readonly archive: string; readonly bytes: number }> {
  const layers = [];
  for (const name of ['one', 'two']) {
    await mkdir(join(folder, name, 'app'), { recursive: true });
    await writeFile(join(folder, name, 'app/said'), name);
    await outputOf('tar', ['-cf', join(folder, `${name}.tar`), '-C', join(folder, name), 'app']);
    layers.push(readFileSync(join(folder, `${name}.tar`)));
  }
  const [first, second] = layers;
  if (first === undefined || second === undefined) throw new Error('two layers were written');
  await writeFile(join(folder, 'two.tar'), gzipSync(second));
  const config = { architecture: 'amd64', config: {}, rootfs: { diff_ids: ['one', 'two'] } };
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  const manifest = [{ Config: 'config.json', Layers: ['one.tar', 'two.tar'] }];
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
  const archive = join(folder, 'archive.tar');
  await outputOf('tar', ['-cf', archive, '-C', folder, 'manifest.json', 'config.json', 'one.tar', 'two.tar']);
  return { archive, bytes: first.length };
}
