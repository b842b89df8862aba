import type { JsonObject } from '../store/ports.ts';

/**
 * What a test connection tries, by service type. The ingestion library looks each step up by its name among the checks
 * of its connector and cannot start without the definition, so the names are OpenMetadata's own
 * (openmetadata-service, `json/data/testConnections`). Optional steps may fail without failing the test.
 */
const STEPS: Readonly<Record<string, readonly string[]>> = {
  BigQuery: ['CheckAccess', 'GetSchemas', 'GetTables', 'GetViews?', 'GetTags?', 'GetQueries?'],
  MongoDB: ['CheckAccess', 'GetDatabases', 'GetCollections'],
  Mssql: ['CheckAccess', 'GetDatabases', 'GetSchemas', 'GetTables', 'GetViews?', 'GetQueries?'],
  Mysql: ['CheckAccess', 'GetSchemas', 'GetTables', 'GetViews?'],
  Oracle: ['CheckAccess', 'GetSchemas', 'GetTables', 'GetViews?'],
  Postgres: ['CheckAccess', 'GetDatabases', 'GetSchemas', 'GetTables', 'GetViews?', 'GetTags?', 'GetQueries?'],
  Redshift: [
    'CheckAccess',
    'GetDatabases',
    'GetSchemas',
    'GetTables',
    'GetViews?',
    'GetPartitionTableDetails?',
    'GetQueries?',
  ],
  Snowflake: ['CheckAccess', 'GetDatabases', 'GetSchemas', 'GetTables', 'GetViews?', 'GetTags?', 'GetQueries?'],
  Tableau: ['ServerInfo', 'GetWorkbooks', 'GetViews?'],
  Trino: ['CheckAccess', 'GetDatabases', 'GetSchemas', 'GetTables', 'GetViews?'],
};

const MEANING: Readonly<Record<string, string>> = {
  CheckAccess: 'Connects and authenticates.',
  GetCollections: 'Lists the collections of a database.',
  GetDatabases: 'Lists the databases.',
  GetPartitionTableDetails: 'Reads how tables are partitioned.',
  GetQueries: 'Reads the query log, which usage and lineage need.',
  GetSchemas: 'Lists the schemas.',
  GetTables: 'Lists the tables of a schema.',
  GetTags: 'Reads the tags.',
  GetViews: 'Lists the views of a schema.',
  GetWorkbooks: 'Lists the workbooks.',
  ServerInfo: 'Reaches the server.',
};

export const DEFINITION_SUFFIX = '.testConnectionDefinition';

export const BUILT_IN_DEFINITIONS: readonly string[] = Object.keys(STEPS);

/** The built-in definition of a service type, as a document without id. */
export function builtInDefinition(serviceType: string): JsonObject | undefined {
  const steps = Object.hasOwn(STEPS, serviceType) ? STEPS[serviceType] : undefined;
  if (steps === undefined) return undefined;
  return {
    name: serviceType,
    displayName: `${serviceType} test connection`,
    description: 'Checks that the service can be reached and that what an ingestion reads may be read.',
    steps: steps.map((step, index) => {
      const name = step.replace(/\?$/, '');
      return {
        name,
        description: MEANING[name] ?? name,
        errorMessage: `${name} failed; check address, credentials and privileges`,
        mandatory: !step.endsWith('?'),
        shortCircuit: index === 0,
      };
    }),
  };
}
