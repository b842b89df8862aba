import type { Api } from '@runner/faults';

/** A service whose pipelines run on a runner. */
export interface Service {
  /** Triggers a new pipeline of the service; the id of the run. */
  trigger(type?: string): Promise<string>;
  /** The log of such a run, as REST shows it. */
  log(runId: string): Promise<string>;
}

/** Nothing answers there: programs that a test has in its hand do not look. */
const NOWHERE = { type: 'Postgres', username: 'nobody', hostPort: '127.0.0.1:1', database: 'none' };

export async function serviceOn(api: Api, agentId: string, connection: object = NOWHERE): Promise<Service> {
  const service = await api.call('POST', 'services/databaseServices', {
    name: `service-of-${agentId}`,
    serviceType: 'Postgres',
    connection: { config: connection },
    ingestionRunner: { type: 'ingestionRunner', name: agentId },
  });
  let pipelines = 0;
  const names = new Map<string, string>();
  return {
    trigger: async (type = 'metadata') => {
      pipelines += 1;
      const pipeline = await api.call('POST', 'services/ingestionPipelines', {
        name: `pipeline-${pipelines}`,
        pipelineType: type,
        service: { id: service['id'], type: 'databaseService' },
        sourceConfig: { config: { type: 'DatabaseMetadata' } },
        airflowConfig: {},
      });
      const path = `services/ingestionPipelines/trigger/${String(pipeline['id'])}`;
      const runId = String((await api.call('POST', path))['runId']);
      names.set(runId, String(pipeline['fullyQualifiedName']));
      return runId;
    },
    log: async (runId) => {
      const path = `services/ingestionPipelines/logs/${encodeURIComponent(names.get(runId) ?? '')}/${runId}`;
      return String((await api.call('GET', path))['ingestion_task']);
    },
  };
}
