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

/** How a config is written, beside what stands in it. */
export interface ConfigWriting {
  /** For Argo, which would take `{{` for one of its expressions and has no escape: see `escapeTemplates`. Default false. */
  readonly escapeTemplates?: boolean;
}

/** Where a config keeps the connection to OpenMetadata: workflow configs, then Workflow and App entities. */
const SERVER_CONFIG_PATHS = [['workflowConfig', 'openMetadataServerConfig'], ['openMetadataServerConnection']] as const;

/**
 * The config as the workload gets it: settings merged into its server connection, as JSON (the image's YAML parser
 * reads it). A config without a server connection is left as it is.
 * @throws config_too_large
 */
export function serialiseConfig(spec: Pick<RunSpec, 'config'>, settings: ConfigSettings & ConfigWriting = {}): string {
  const patch = serverConfigPatch(settings);
  const merged = SERVER_CONFIG_PATHS.reduce((config, path) => patchedAt(config, path, patch), spec.config);
  const plain = JSON.stringify(merged);
  const text = settings.escapeTemplates === true ? escapeTemplates(plain) : plain;
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

/**
 * The same JSON without any `{{`: of two braces in a row the second is written as an escape. Braces stand in a row only
 * inside of strings, where JSON has such escapes; so every reader of JSON or YAML gets the same values.
 */
export function escapeTemplates(json: string): string {
  return json.replaceAll('{{', String.raw`{\u007b`);
}

/**
 * The config of the exit step: that of the run, with the step's own token in place of the run's. The same config when the
 * run brings no token for it, or has no token to be replaced.
 */
export function exitConfig({ config, exitToken }: Pick<RunSpec, 'config' | 'exitToken'>): JsonObject {
  const place = tokenPlace(config);
  if (exitToken === undefined || place === undefined) return config;
  return patchedAt(config, place.path, { [TOKEN_KEY]: exitToken });
}

/** The bearer token in a config: the run's, or that of the pipeline's own connection. */
export function configToken(config: JsonObject): string | undefined {
  return tokenPlace(config)?.token;
}

const TOKEN_KEY = 'jwtToken';

function tokenPlace(config: JsonObject): { readonly path: readonly string[]; readonly token: string } | undefined {
  for (const server of SERVER_CONFIG_PATHS) {
    const path = [...server, 'securityConfig'];
    const token = [...path, TOKEN_KEY].reduce<JsonValue | undefined>(
      (inner, key) => (isObject(inner) && Object.hasOwn(inner, key) ? inner[key] : undefined),
      config,
    );
    if (typeof token === 'string') return { path, token };
  }
  return undefined;
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
