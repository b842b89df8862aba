import type { JsonObject } from './json.ts';

/** Facts of this installation: controlPlaneId, signing keys, first start. */
export interface SettingsStore {
  get(key: string): Promise<JsonObject | undefined>;
  /** Writes `make()` only when the key does not exist; returns what stands afterwards. Safe with two replicas starting together. */
  getOrCreate(key: string, make: () => Promise<JsonObject>): Promise<JsonObject>;
  put(key: string, value: JsonObject): Promise<void>;
}
