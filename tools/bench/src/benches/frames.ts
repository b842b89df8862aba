import type { AgentMessage, ControlMessage, Json } from '@runner/protocol';
import { LIMITS } from '@runner/protocol';

/** A typical frame and who sends it. */
export type Frame =
  | { readonly name: string; readonly from: 'agent'; readonly message: AgentMessage }
  | { readonly name: string; readonly from: 'control'; readonly message: ControlMessage };

const AT = Date.UTC(2026, 0, 1);

export function runIdOf(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}

/** Lines as an ingestion writes them, exactly `bytes` long (all of ASCII). */
export function logText(bytes: number): string {
  const line =
    '[2026-01-01T00:00:00.000Z] INFO     {metadata.Ingestion:source:412} - Processed "shop"."orders" in 12 ms\n';
  return line.repeat(Math.ceil(bytes / line.length)).slice(0, bytes);
}

/** A workflow config of about so many bytes of JSON: nested objects, lists of filters, texts. */
export function configOf(bytes: number): { [key: string]: Json } {
  const filters: Json[] = [];
  const config = {
    source: {
      type: 'postgres',
      serviceName: 'shop',
      serviceConnection: {
        config: { type: 'Postgres', hostPort: 'db.example:5432', username: 'reader', database: 'shop' },
      },
      sourceConfig: { config: { type: 'DatabaseMetadata', markDeletedTables: true, filters } },
    },
    sink: { type: 'metadata-rest', config: {} },
    workflowConfig: { loggerLevel: 'INFO', openMetadataServerConfig: { hostPort: 'http://control-plane.example/api' } },
  };
  const room = bytes - JSON.stringify(config).length;
  for (let size = 0, n = 0; size < room; n += 1) {
    const filter = {
      schema: `schema_${n}`,
      includes: [`^orders_${n}$`, '^line\\.items$'],
      excludes: [],
      sample: n % 100,
    };
    size += JSON.stringify(filter).length + 1;
    filters.push(filter);
  }
  return config;
}

function startFrame(name: string, configBytes: number): Frame {
  const run = {
    runId: runIdOf(1),
    kind: 'pipeline',
    pipelineType: 'metadata',
    name: 'shop_metadata',
    fqn: 'shop.shop_metadata',
    config: configOf(configBytes),
    deadlineSeconds: 7_200,
    priority: 0,
  } as const;
  return { name, from: 'control', message: { type: 'start', epoch: 3, run } };
}

function reportPage(): Frame {
  const observations = Array.from({ length: LIMITS.pageRuns }, (_, n) => ({
    presence: 'present' as const,
    runId: runIdOf(n),
    observedAt: AT,
    workload: { kind: 'process', name: `shop-metadata-${n}`, uid: runIdOf(n + 10_000) },
    phase: 'running' as const,
    startedAt: AT,
    pipelineType: 'metadata',
  }));
  return {
    name: 'report page of 500',
    from: 'agent',
    message: { type: 'report.page', epoch: 3, levelId: 'level-1', observations },
  };
}

function levelPage(): Frame {
  const runs = Array.from({ length: LIMITS.pageRuns }, (_, n) => ({
    runId: runIdOf(n),
    want: n % 50 === 0 ? ('cancel' as const) : ('run' as const),
    accepted: n % 10 !== 0,
  }));
  return {
    name: 'level page of 500',
    from: 'control',
    message: { type: 'level.page', epoch: 3, levelId: 'level-1', runs },
  };
}

export function typicalFrames(): readonly Frame[] {
  const hello: AgentMessage = {
    type: 'hello',
    minor: 0,
    agentId: 'runner-berlin',
    instanceId: runIdOf(7),
    scope: { id: 'f3a1c2d4e5', description: 'the folder /var/lib/runner of host berlin-1' },
    agentVersion: '1.0.0',
    executor: 'local',
    secretsManager: 'file',
    capabilities: [],
    slots: { total: 10, free: 8, types: { metadata: { total: 5, free: 4 } }, startsSeen: 0 },
  };
  const chunk: AgentMessage = {
    type: 'log.chunk',
    streamId: 'stream-1',
    runId: runIdOf(1),
    rawFrom: 0,
    rawTo: LIMITS.logDataBytes,
    data: logText(LIMITS.logDataBytes),
  };
  return [
    { name: 'ping', from: 'agent', message: { type: 'ping', n: 42 } },
    { name: 'hello', from: 'agent', message: hello },
    startFrame('start, config of 8 KiB', 8_192),
    startFrame('start, config of 100 KiB', 102_400),
    levelPage(),
    reportPage(),
    { name: 'log chunk of 64 KiB', from: 'agent', message: chunk },
  ];
}
