import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { bundle } from './bundle.ts';
import { REPOSITORY } from './folder.ts';

interface AgentProcess extends AsyncDisposable {
  readonly pid: number;
}

/** The bundle that `npm run build` made, or one like it when there is none. */
export async function agentProgram(folder: string): Promise<string> {
  const built = join(REPOSITORY, 'apps/agent/dist/main.js');
  const isBuilt = await access(built).then(
    () => true,
    () => false,
  );
  if (isBuilt) return built;
  const place = join(folder, 'agent');
  await mkdir(place);
  await bundle({ main: 'apps/agent/src/main.ts', supervisor: 'packages/executor-local/src/supervisor.ts' }, place);
  return join(place, 'main.js');
}

interface AgentProcessOptions {
  readonly program: string;
  readonly url: string;
  readonly agentId: string;
  readonly folder: string;
}

/** The real agent with the local executor, as somebody would start it. Disposing kills it. */
export function startAgentProcess({ program, url, agentId, folder }: AgentProcessOptions): AgentProcess {
  const child = spawn(process.execPath, [program], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'] ?? '',
      AGENT_ID: agentId,
      AUTH_TOKEN: unsignedToken(),
      SERVER_URL: url,
      EXECUTOR_TYPE: 'local',
      LOCAL_EXECUTOR_DIR: join(folder, 'runs'),
      INGESTION_COMMAND: JSON.stringify([process.execPath, '--version']),
      LISTEN_ADDRESS: '127.0.0.1',
      HEALTH_PORT: '0',
      METRICS_SERVER_PORT: '0',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = once(child, 'exit');
  return {
    pid: child.pid ?? 0,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** No server with an authentication would take it. */
function unsignedToken(): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256', kid: 'bench' })}.${part({ sub: 'bench' })}.${Buffer.from('unsigned').toString('base64url')}`;
}
