import type { JsonObject } from './json.ts';

export type EntityKind =
  | 'databaseService'
  | 'dashboardService'
  | 'messagingService'
  | 'pipelineService'
  | 'mlmodelService'
  | 'metadataService'
  | 'searchService'
  | 'storageService'
  | 'apiService'
  | 'securityService'
  | 'driveService'
  | 'testConnectionDefinition'
  | 'testSuite'
  | 'ingestionPipeline'
  | 'automationWorkflow'
  | 'app'
  | 'bot';

/** An OpenMetadata entity. `json` holds the whole document as the API shows it (without masked plaintext, ever). */
export interface Entity {
  readonly id: string;
  readonly kind: EntityKind;
  readonly name: string;
  readonly fqn: string;
  /** Rises by one with each write. */
  readonly revision: number;
  readonly updatedAt: number;
  readonly updatedBy: string;
  readonly json: JsonObject;
}

export interface Page<T> {
  readonly data: readonly T[];
  readonly total: number;
  /** Cursors as OpenMetadata's `paging.after` and `paging.before`. */
  readonly after?: string;
  readonly before?: string;
}

export interface EntityQuery {
  readonly kind: EntityKind;
  readonly limit: number;
  readonly after?: string;
  readonly before?: string;
  /**
   * Exact matches on top-level JSON fields or `a.b` paths, compared as text: `{ 'service.id': … , deployed: 'true' }`.
   * The list is in order of FQN (code points), and the cursors go on from there.
   */
  readonly where?: Readonly<Record<string, string>>;
}

export interface EntityStore {
  /** Rejects with `already_exists` when kind + fqn is taken. */
  create(entity: Omit<Entity, 'revision' | 'updatedAt'>): Promise<Entity>;
  byId(kind: EntityKind, id: string): Promise<Entity | undefined>;
  byFqn(kind: EntityKind, fqn: string): Promise<Entity | undefined>;
  list(query: EntityQuery): Promise<Page<Entity>>;
  /**
   * Reads, lets `change` decide, writes: atomically, so that no update is lost. `undefined` from `change` leaves it.
   * Rejects with `not_found`, or with `conflict` when `expectedRevision` is given and does not match.
   */
  update(
    kind: EntityKind,
    id: string,
    change: (entity: Entity) => { json: JsonObject; name?: string; fqn?: string; updatedBy: string } | undefined,
    expectedRevision?: number,
  ): Promise<Entity>;
  /** False when it was not there. */
  remove(kind: EntityKind, id: string): Promise<boolean>;
}
