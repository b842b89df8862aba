import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { WORKLOAD_IMAGE } from './name.ts';

const run = promisify(execFile);
const REPOSITORY = fileURLToPath(new URL('../../../../', import.meta.url));

/** Where the real image has its programs. */
const WORKDIR = '/ingestion';
const PYTHON = `#!/usr/local/bin/node
import('${WORKDIR}/workload.mjs');
`;
const RUNNER_SECRETS = `#!/usr/local/bin/node
import('${WORKDIR}/runner-secrets.mjs');
`;
/** User and group of the real image. */
const PASSWD = 'root:x:0:0:root:/root:/sbin/nologin\nopenmetadata:x:1000:1000::/home/openmetadata:/sbin/nologin\n';

export type PackTarget = { readonly load: true } | { readonly archive: string };

/**
 * Makes the one image of all tests on a cluster: Node (the one that runs this), the quickstart, `runner-secrets`, and a
 * `python` that plays the programs of the ingestion image. Made of this repository and its Node alone.
 */
export async function packImage(target: PackTarget): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'runner-image-'));
  try {
    const root = join(folder, 'root');
    await layOut(root);
    const archive = 'archive' in target ? target.archive : join(folder, 'workload.tar');
    await run('python3', [
      join(REPOSITORY, 'tools/cluster/image.py'),
      ...[archive, WORKLOAD_IMAGE, '--root', root, '--bin', process.execPath],
      ...['--user', '1000', '--workdir', WORKDIR, '--env', 'HOME=/home/openmetadata'],
    ]);
    if ('load' in target) await run(join(REPOSITORY, 'tools/cluster/cluster'), ['load', archive]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function layOut(root: string): Promise<void> {
  for (const path of ['etc', 'usr/local/bin', 'home/openmetadata', WORKDIR]) {
    await mkdir(join(root, path), { recursive: true });
  }
  // The owner of files in the image is root, whoever packs it; the user of the image writes to its home only.
  await chmod(join(root, 'home/openmetadata'), 0o777);
  await writeFile(join(root, 'etc/passwd'), PASSWD);
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nopenmetadata:x:1000:\n');
  await writeFile(join(root, 'usr/local/bin/python'), PYTHON, { mode: 0o755 });
  await writeFile(join(root, 'usr/local/bin/runner-secrets'), RUNNER_SECRETS, { mode: 0o755 });
  await build({
    entryPoints: {
      workload: join(REPOSITORY, 'tools/e2e/src/workload/main.ts'),
      quickstart: join(REPOSITORY, 'examples/quickstart/src/main.ts'),
      'runner-secrets': join(REPOSITORY, 'packages/secrets/src/cli.ts'),
    },
    outdir: join(root, WORKDIR),
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    conditions: ['@runner/source'],
    // Inside a pod the API server is asked without the vendor's client, and no cloud is in reach of these tests.
    external: ['pg-native', '@kubernetes/client-node', '@aws-sdk/*', '@azure/*', '@google-cloud/*', 'google-gax'],
    logLevel: 'warning',
    banner: { js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);" },
  });
}
