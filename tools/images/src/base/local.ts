import { cp, mkdir, realpath, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BUILD_BASE, REPOSITORY, RUN_BASE } from '../images.ts';
import { outputOf } from '../programs.ts';

const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
/** What native modules of the tools of a build ask for beside the libraries of Node; only an old glibc has them apart. */
const LIBRARIES = ['librt.so.1', 'libresolv.so.2', 'libnss_dns.so.2', 'libnss_files.so.2', 'libutil.so.1'];

/**
 * Packs stand-ins for the two bases out of this machine, under their public names, for a machine without a way to a
 * registry: the Node that runs this, in the one with npm and busybox, in the other with nothing else and where the
 * public one has it. Sizes of bases and what is proved about their other files hold for the stand-ins only.
 * @param folder an empty one
 * @returns archives to load
 */
export async function packLocalBases(folder: string): Promise<readonly string[]> {
  const build = join(folder, 'build');
  const run = join(folder, 'run');
  await layOutBuildBase(build);
  await layOutRunBase(run);
  return [await pack(build, BUILD_BASE, `${build}.tar`), await pack(run, RUN_BASE, `${run}.tar`)];
}

async function pack(root: string, name: string, archive: string): Promise<string> {
  const image = join(REPOSITORY, 'tools/cluster/image.py');
  await outputOf('python3', [image, archive, name, '--root', root, '--bin', process.execPath]);
  return archive;
}

async function layOutBuildBase(root: string): Promise<void> {
  await layOutEtc(root, 'root:x:0:0:root:/root:/bin/sh\n');
  for (const path of ['bin', 'usr/bin', 'usr/local/bin', 'usr/local/lib/node_modules', 'root']) {
    await mkdir(join(root, path), { recursive: true });
  }
  await cp(programPath('busybox'), join(root, 'bin/busybox'), { dereference: true });
  const applets = (await outputOf('busybox', ['--list'])).split('\n').filter((name) => !['', 'busybox'].includes(name));
  for (const applet of applets) await symlink('busybox', join(root, 'bin', applet));
  await symlink('../../bin/busybox', join(root, 'usr/bin/env'));
  const npm = dirname(dirname(await realpath(programPath('npm'))));
  await cp(npm, join(root, 'usr/local/lib/node_modules/npm'), { recursive: true });
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'));
  await copyLibraries(root);
}

async function layOutRunBase(root: string): Promise<void> {
  await layOutEtc(root, 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532::/home/nonroot:/sbin/nologin\n');
  await mkdir(join(root, 'nodejs/bin'), { recursive: true });
  await symlink('/usr/local/bin/node', join(root, 'nodejs/bin/node'));
}

async function layOutEtc(root: string, passwd: string): Promise<void> {
  await mkdir(join(root, 'etc/ssl/certs'), { recursive: true });
  await writeFile(join(root, 'etc/passwd'), passwd);
  if (existsSync(CERTIFICATES)) await cp(CERTIFICATES, join(root, CERTIFICATES), { dereference: true });
}

/** Beside the C library, where `ldd` finds that for Node. */
async function copyLibraries(root: string): Promise<void> {
  const libc = /\S+\/libc\.so\.6/.exec(await outputOf('ldd', [process.execPath]))?.[0];
  if (libc === undefined) return;
  await mkdir(join(root, dirname(libc)), { recursive: true });
  for (const library of LIBRARIES) {
    const path = join(dirname(libc), library);
    if (existsSync(path)) await cp(path, join(root, path), { dereference: true });
  }
}

/** Where PATH has this program. @throws when it has none */
function programPath(name: string): string {
  const folders = (process.env['PATH'] ?? '').split(':');
  const path = folders.map((folder) => join(folder, name)).find((candidate) => existsSync(candidate));
  if (path === undefined) throw new Error(`${name} is not on PATH; a base of this machine needs it`);
  return path;
}
