import { Buffer } from 'node:buffer';
import { executorError } from '../errors.ts';
import type { JsonObject, JsonValue, RunSpec } from '../run-spec.ts';
import type { SecretsManagerProvider } from './secrets-manager.ts';

/**
 * Longest `config`, in bytes of UTF-8. Linux refuses one environment string above 128 KiB (E2BIG), `config=` and the
 * closing zero included; it is the limit of every way of delivery, so that a run does not depend on how it was sent.
 */
export const MAX_CONFIG_BYTES = 131_064;

export interface ConfigSettings {
  readonly secretsManager?: SecretsManagerProvider;
  /** True writes `enableVersionValidation: false`; otherwise the field stays as the control plane sent it. */
  readonly disableVersionValidation?: boolean;
}

/** Where a config keeps the connection to OpenMetadata: workflow configs, then Workflow and App entities. */
const SERVER_CONFIG_PATHS = [['workflowConfig', 'openMetadataServerConfig'], ['openMetadataServerConnection']] as const;

/**
 * The config as the workload gets it: settings merged into its server connection, as JSON (the image's YAML parser
 * reads it). A config without a server connection is left as it is.
 * @throws config_too_large
 */
export function serialiseConfig(spec: Pick<RunSpec, 'config'>, settings: ConfigSettings = {}): string {
  const patch = serverConfigPatch(settings);
  const merged = SERVER_CONFIG_PATHS.reduce((config, path) => patchedAt(config, path, patch), spec.config);
  const text = JSON.stringify(merged);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_CONFIG_BYTES) {
    throw executorError(
      'config_too_large',
      `The workload's config has ${bytes} bytes; an environment string holds at most ${MAX_CONFIG_BYTES}.`,
      {
        hint: 'Make the pipeline smaller: shorten its filter patterns, or split it into several pipelines.',
        details: { bytes, limit: MAX_CONFIG_BYTES },
      },
    );
  }
  return text;
}

function serverConfigPatch(settings: ConfigSettings): JsonObject {
  return {
    // The library's other loaders find no credentials in a workload of ours: `noop` crashes for kubernetes, `airflow`
    // needs Airflow. `db` resolves nothing and wants none.
    ...(settings.secretsManager === undefined
      ? {}
      : {
          secretsManagerProvider: settings.secretsManager,
          secretsManagerLoader: settings.secretsManager === 'db' ? 'noop' : 'env',
        }),
    ...(settings.disableVersionValidation === true ? { enableVersionValidation: false } : {}),
  };
}

function patchedAt(config: JsonObject, path: readonly string[], patch: JsonObject): JsonObject {
  const [key, ...rest] = path;
  if (key === undefined) return { ...config, ...patch };
  const inner = Object.hasOwn(config, key) ? config[key] : undefined;
  return isObject(inner) ? { ...config, [key]: patchedAt(inner, rest, patch) } : config;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
