import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Arguments } from './arguments.ts';
import { packLocalBases } from './base/local.ts';
import { chooseEngine } from './engine/choose.ts';
import type { BuildSecrets, Engine } from './engine/engine.ts';
import type { Image } from './images.ts';
import { REPOSITORY, RUN_BASE } from './images.ts';
import type { OpenedImage } from './layers.ts';
import { fileOf, openArchive } from './layers.ts';
import { npmSecrets } from './npm-secrets.ts';
import { outputOf } from './programs.ts';
import { sizeLine, sizesOf } from './report.ts';

/** Where buildah keeps images and downloads from build to build. */
const cacheFolder = (env: NodeJS.ProcessEnv): string =>
  join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'runner-images');

interface Bench {
  readonly engine: Engine;
  readonly order: Arguments;
  readonly secrets: BuildSecrets;
  readonly commit: Commit;
  readonly base: () => Promise<OpenedImage>;
  readonly folder: string;
  readonly say: (line: string) => void;
}

/** Builds, measures and, where asked for, loads and keeps. @throws when something fails, or an image is too large */
export async function buildImages(
  order: Arguments,
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
): Promise<void> {
  const engine = await chooseEngine(cacheFolder(env));
  const folder = await mkdtemp(join(tmpdir(), 'runner-images-'));
  try {
    say(`with ${engine.name}`);
    if (order.base === 'local') await makeBases(engine, folder, say);
    let opened: Promise<OpenedImage> | undefined;
    const base = (): Promise<OpenedImage> => (opened ??= archived(engine, RUN_BASE, join(folder, 'base')));
    const secrets = await npmSecrets(folder, env);
    const bench: Bench = { engine, order, secrets, commit: await commitOf(), base, folder, say };
    for (const image of order.images) await buildOne(bench, image);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function makeBases(engine: Engine, folder: string, say: (line: string) => void): Promise<void> {
  const started = performance.now();
  const place = join(folder, 'bases');
  await mkdir(place);
  for (const archive of await packLocalBases(place)) await engine.load(archive);
  await rm(place, { recursive: true });
  say(`bases made of this machine's files in ${seconds(started)}`);
}

async function buildOne(bench: Bench, image: Image): Promise<void> {
  const { engine, order, say, folder, secrets, commit } = bench;
  const started = performance.now();
  await engine.build({
    context: REPOSITORY,
    dockerfile: `${image.project}/Dockerfile`,
    tag: image.tag,
    args: { VERSION: await versionOf(image), REVISION: commit.id, CREATED: commit.date.toISOString() },
    secrets,
    timestamp: commit.date.getTime() / 1000,
    neverPull: order.base === 'local',
  });
  say(`${image.tag}: built in ${seconds(started)}`);
  const place = join(folder, image.name);
  const built = await archived(engine, image.tag, place);
  const sizes = sizesOf(built, await bench.base());
  say(sizeLine(image.tag, sizes));
  if (sizes.own > image.maxOwnBytes) throw new Error(`${image.tag}: our layers may have ${image.maxOwnBytes} bytes`);
  if (order.load) {
    await outputOf(join(REPOSITORY, 'tools/cluster/cluster'), ['load', `${place}.tar`]);
    say(`${image.tag}: on the node`);
  }
  if (order.out !== undefined) await keep(order.out, { image, built, archive: `${place}.tar` });
}

/** Saves an image beside this folder and opens it in the folder. */
async function archived(engine: Engine, tag: string, place: string): Promise<OpenedImage> {
  await engine.save(tag, `${place}.tar`);
  return await openArchive(`${place}.tar`, place);
}

interface Kept {
  readonly image: Image;
  readonly built: OpenedImage;
  readonly archive: string;
}

async function keep(out: string, { image, built, archive }: Kept): Promise<void> {
  await mkdir(out, { recursive: true });
  await copyFile(archive, join(out, `${image.name}.tar`));
  await writeFile(join(out, `${image.name}.sbom.cdx.json`), await fileOf(built, 'app/sbom.cdx.json'));
}

interface Commit {
  readonly id: string;
  readonly date: Date;
}

/** What is built; a checkout without git (an archive of the sources) is of no commit and of no time. */
async function commitOf(): Promise<Commit> {
  const [id = '', date = ''] = await outputOf('git', ['-C', REPOSITORY, 'log', '-1', '--format=%H %ct']).then(
    (text) => text.trim().split(' '),
    () => ['unknown', '0'],
  );
  return { id, date: new Date(Number(date) * 1000) };
}

async function versionOf({ project }: Image): Promise<string> {
  const manifest = JSON.parse(await readFile(join(REPOSITORY, project, 'package.json'), 'utf8')) as { version: string };
  return manifest.version;
}

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(0)} s`;
