import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { RunnerError } from '@runner/core';
import { bundle } from './bundle.ts';

interface AgentProcess extends AsyncDisposable {
  readonly pid: number;
  /** What is waited for, unless the agent ends before. */
  unlessEnded<T>(waiting: Promise<T>): Promise<T>;
}

/** A bundle like the one that `npm run build` makes, of the sources as they are. */
export async function agentProgram(folder: string): Promise<string> {
  const place = join(folder, 'agent');
  await mkdir(place);
  await bundle(
    {
      main: 'apps/agent/src/main.ts',
      supervisor: 'packages/executor-local/src/supervisor.ts',
      'runner-secrets': 'packages/secrets/src/cli.ts',
    },
    place,
  );
  return join(place, 'main.js');
}

interface AgentProcessOptions {
  readonly program: string;
  readonly url: string;
  readonly agentId: string;
  readonly folder: string;
}

/** The real agent with the local executor, as somebody would start it. Disposing kills it. */
export function startAgentProcess(options: AgentProcessOptions): AgentProcess {
  return started(options, {
    EXECUTOR_TYPE: 'local',
    LOCAL_EXECUTOR_DIR: join(options.folder, 'runs'),
    INGESTION_COMMAND: JSON.stringify([process.execPath, '--version']),
  });
}

/** The same with the executor for Jobs, and room for many runs. */
export function startJobAgentProcess(options: AgentProcessOptions & { readonly kubeconfig: string }): AgentProcess {
  return started(options, {
    EXECUTOR_TYPE: 'simpleK8s',
    KUBECONFIG: options.kubeconfig,
    CONFIG_DELIVERY: 'inline',
    INGESTION_IMAGE: 'bench.example.test/ingestion:1',
    MAX_CONCURRENT_RUNS: '2000',
  });
}

function started(
  { program, url, agentId, folder }: AgentProcessOptions,
  executor: Readonly<Record<string, string>>,
): AgentProcess {
  const child = spawn(process.execPath, [program], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'] ?? '',
      AGENT_ID: agentId,
      AUTH_TOKEN: unsignedToken(),
      SERVER_URL: url,
      LISTEN_ADDRESS: '127.0.0.1',
      HEALTH_PORT: '0',
      METRICS_SERVER_PORT: '0',
      ...executor,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = once(child, 'exit');
  const early = ended.then(([code]) => {
    throw new RunnerError('bench_child', `the agent ended with ${String(code)}`);
  });
  early.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    unlessEnded: (waiting) => Promise.race([waiting, early]),
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
