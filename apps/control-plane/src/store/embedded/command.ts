import { RunnerError } from '@runner/core';
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import type { SystemUser } from './system-user.ts';
import { obstacleFor } from './system-user.ts';

/** Starts a PostgreSQL program as the right user, with an environment that holds nothing of ours. */
export type Launch = (program: string, args: readonly string[], folder: string) => ChildProcess;

/** Enough for what initdb and the server look up; none of our own variables, which may be secrets. */
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TZ: 'UTC' };
/** Its own process group, so that Ctrl-C in a terminal reaches us first and the server only when we stop it. */
const OPTIONS: SpawnOptions = { env: ENVIRONMENT, detached: true, stdio: ['ignore', 'pipe', 'pipe'] };
/** Asks the server to shut down when our process dies, whatever killed it. */
const END_WITH_PARENT = ['--pdeathsig', 'INT'];
/** Lets a program that is not root pass folders which only root may enter. */
const PASS_FOLDERS = ['--securebits=+no_setuid_fixup', '--inh-caps=+dac_override', '--ambient-caps=+dac_override'];

/**
 * As root, PostgreSQL runs as another user. `setpriv` of util-linux, where it is installed, makes the server end with us
 * and lets it pass folders that its user may not enter (a checkout below /root). Without it, a killed control plane
 * leaves its server to the next start, and such a folder is refused in words.
 */
export async function launcherFor(user: SystemUser | undefined, paths: readonly string[]): Promise<Launch> {
  const setpriv = await hasSetpriv();
  const obstacle = user === undefined ? undefined : await firstObstacle(user, paths);
  if (setpriv) {
    const prefix = [...END_WITH_PARENT, ...identity(user), ...(obstacle === undefined ? [] : PASS_FOLDERS), '--'];
    return (program, args, cwd) => spawn('setpriv', [...prefix, program, ...args], { ...OPTIONS, cwd });
  }
  if (obstacle !== undefined) throw mayNotEnter(obstacle);
  return (program, args, cwd) => spawn(program, args, { ...OPTIONS, ...user, cwd });
}

async function hasSetpriv(): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  try {
    await promisify(execFile)('setpriv', [...END_WITH_PARENT, '--', 'true'], { env: ENVIRONMENT });
    return true;
  } catch {
    return false;
  }
}

function identity(user: SystemUser | undefined): readonly string[] {
  return user === undefined ? [] : [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
}

async function firstObstacle(user: SystemUser, paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const obstacle = await obstacleFor(user, path);
    if (obstacle !== undefined) return obstacle;
  }
  return undefined;
}

function mayNotEnter(folder: string): RunnerError {
  return new RunnerError('embedded_postgres_failed', 'the user that PostgreSQL runs as may not enter a folder', {
    details: { folder },
    hint: 'Start the control plane as a plain user, put it and DATA_DIR where everybody may enter, install util-linux (setpriv), or set DATABASE_URL.',
  });
}
