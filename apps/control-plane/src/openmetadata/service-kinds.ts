import type { EntityKind } from '../store/ports.ts';

/** Kinds of services, named as OpenMetadata names their entity type. */
export const SERVICE_KINDS = [
  'databaseService',
  'dashboardService',
  'messagingService',
  'pipelineService',
  'mlmodelService',
  'metadataService',
  'searchService',
  'storageService',
  'apiService',
  'securityService',
  'driveService',
] as const satisfies readonly EntityKind[];
export type ServiceKind = (typeof SERVICE_KINDS)[number];

/** Path of a kind: `/services/databaseServices`. */
export function servicePath(kind: ServiceKind): string {
  return `/services/${kind}s`;
}
