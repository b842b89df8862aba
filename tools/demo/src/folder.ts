import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository this file is part of. */
export const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));

/** Where the demo keeps what. Everything may be deleted while it is not running. */
export interface DemoFolder {
  readonly root: string;
  readonly database: string;
  readonly secrets: string;
  readonly controlPlane: string;
  readonly runs: string;
  readonly logs: string;
  readonly catalogue: string;
  /** Processes of the last start, so that the next one can end what a killed demo left behind. */
  readonly processes: string;
  readonly runnerToken: string;
}

/** @param within `.runner` of the repository, when nothing is configured */
export function demoFolder(configured: string | undefined, within = ''): DemoFolder {
  const usual = join(REPOSITORY, '.runner', within);
  const root = configured === undefined || configured === '' ? usual : resolve(configured);
  return {
    root,
    database: join(root, 'shop'),
    secrets: join(root, 'secrets'),
    controlPlane: join(root, 'control-plane'),
    runs: join(root, 'runs'),
    logs: join(root, 'logs'),
    catalogue: join(root, 'catalogue.json'),
    processes: join(root, 'processes.json'),
    runnerToken: join(root, 'runner-token'),
  };
}

export async function prepareFolder(folder: DemoFolder): Promise<void> {
  // The user PostgreSQL runs as must get through to its own folder; what is secret has a folder of its own.
  await mkdir(folder.root, { recursive: true, mode: 0o755 });
  for (const path of [folder.secrets, folder.controlPlane, folder.runs, folder.logs]) {
    await mkdir(path, { recursive: true, mode: path === folder.controlPlane ? 0o755 : 0o700 });
  }
}

/** A file only its owner may read, whatever was there before. */
export async function writeSecret(path: string, value: string): Promise<void> {
  await writeFile(path, value, { mode: 0o600 });
}
