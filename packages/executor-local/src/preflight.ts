import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { isRunnerError, messageOf } from '@runner/core';
import type { PreflightFinding, RunSpec } from '@runner/executor';
import { programEnvironment, DEFAULT_ALLOWED } from './environment.ts';
import { ownSupervisor } from './launch.ts';
import type { LocalExecutorOptions } from './options.ts';
import { DEFAULTS } from './options.ts';
import type { Place } from './place.ts';
import { commandOf } from './submit.ts';

const SHORT_TTL_MS = 3_600_000;
const LITTLE_SPACE = 268_435_456;

/** Looks at everything the local executor needs. Creates the folder when it is missing, and nothing else. */
export async function localPreflight(
  place: Place,
  options: LocalExecutorOptions & { readonly workingDirectory: string },
  platform: NodeJS.Platform = process.platform,
): Promise<readonly PreflightFinding[]> {
  const findings = await Promise.all([
    folderFinding(place),
    spaceFinding(place),
    supervisorFinding(options),
    directoryFinding(options.workingDirectory),
    programFinding(options),
  ]);
  const settings = [platformFinding(platform), ttlFinding(options.ttlMs ?? DEFAULTS.ttlMs)];
  return [...settings, ...findings].filter((finding) => finding !== undefined);
}

type Finding = PreflightFinding | undefined;

function platformFinding(platform: NodeJS.Platform): Finding {
  if (platform !== 'win32') return undefined;
  return {
    level: 'error',
    code: 'unsupported_platform',
    message: 'The local executor needs process groups and unix sockets, which Windows does not have.',
    hint: 'Run the agent on Linux, on macOS, or in WSL.',
  };
}

async function folderFinding(place: Place): Promise<PreflightFinding> {
  try {
    const { description } = await place.scope();
    await place.assertSame();
    await access(place.root, constants.R_OK | constants.W_OK | constants.X_OK);
    return { level: 'ok', code: 'folder_usable', message: `Runs are kept in ${description}.` };
  } catch (error) {
    return {
      level: 'error',
      code: 'folder_unusable',
      message: messageOf(error),
      hint:
        (isRunnerError(error) ? error.hint : undefined) ?? 'Check that it exists and that this user may write to it.',
    };
  }
}

async function spaceFinding(place: Place): Promise<Finding> {
  try {
    const { bavail, bsize } = await statfs(place.root);
    const free = bavail * bsize;
    if (free >= LITTLE_SPACE) return undefined;
    return {
      level: 'warning',
      code: 'little_disk_space',
      message: `Only ${Math.floor(free / 1_048_576)} MiB are free on the disk of ${place.root}.`,
      hint: 'Logs of runs need room; free space, or give the local executor another folder.',
    };
  } catch {
    // A folder that cannot be asked is told of by its own finding.
    return undefined;
  }
}

async function supervisorFinding(options: LocalExecutorOptions): Promise<Finding> {
  const { program, args } = options.supervisor ?? ownSupervisor();
  const files = [program, ...args.filter((arg) => isAbsolute(arg))];
  for (const file of files.filter(isAbsolute)) {
    if (await isFile(file)) continue;
    return {
      level: 'error',
      code: 'supervisor_missing',
      message: `The supervisor of runs cannot be started: ${file} does not exist.`,
      hint: 'In a bundle, set the option `supervisor` to a program that calls `superviseRun`.',
    };
  }
  return undefined;
}

async function directoryFinding(folder: string): Promise<Finding> {
  const isThere = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isThere) return undefined;
  return {
    level: 'error',
    code: 'no_working_directory',
    message: `The folder in which programs start, ${folder}, does not exist.`,
  };
}

const ANY_RUN: RunSpec = {
  runId: '00000000-0000-4000-8000-000000000000',
  owner: { controlPlaneId: 'preflight', agentId: 'preflight' },
  kind: 'pipeline',
  pipelineType: 'metadata',
  name: 'preflight',
  fqn: 'preflight',
  config: {},
  deadlineSeconds: 1,
};

async function programFinding(options: LocalExecutorOptions & { workingDirectory: string }): Promise<Finding> {
  const { hostEnvironment: host = {}, allowedEnvironment: allowed = DEFAULT_ALLOWED } = options;
  // What stands in front of it is not what an operator has to install.
  const [program = ''] = commandOf(ANY_RUN, { ...(options.command === undefined ? {} : { command: options.command }) });
  const path = programEnvironment({ host, allowed, contract: options.extraEnvironment ?? [] })['PATH'] ?? '';
  const places = program.includes('/')
    ? [resolve(options.workingDirectory, program)]
    : path.split(delimiter).map((folder) => join(resolve(options.workingDirectory, folder), program));
  for (const file of places) {
    if ((await isFile(file)) && (await isExecutable(file))) return undefined;
  }
  return {
    level: 'error',
    code: 'program_not_found',
    message: `The program of runs, ${program}, is not found or may not be executed.`,
    hint: 'Install the ingestion where the agent runs, or name the program in INGESTION_COMMAND.',
  };
}

function ttlFinding(ttlMs: number): Finding {
  if (ttlMs >= SHORT_TTL_MS) return undefined;
  return {
    level: 'warning',
    code: 'short_time_to_live',
    message: 'Records of ended runs are kept for less than an hour.',
    hint: 'When the control plane is away for longer, the outcome of runs that ended meanwhile is lost.',
  };
}

async function isFile(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

async function isExecutable(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
