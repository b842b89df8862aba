import type { ConfigSettings, EnvVariable, SecretsManagerSettings } from '@runner/executor';
import type { SchedulingSettings } from '@runner/scheduling';

/** What the pods of ingestion get, whoever makes them (Jobs or Workflows). */
export interface PodSettings {
  readonly image: ImageSettings;
  readonly serviceAccountName: string;
  /** Undefined: only when the secrets manager of the workloads needs it (`kubernetes`). */
  readonly automountServiceAccountToken?: boolean;
  /** OpenShift assigns user and group ids itself; then none are asked for. Default false. */
  readonly openShift?: boolean;
  /** More labels and annotations for the pods. The contract's own labels win. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly scheduling: SchedulingSettings;
  readonly secretsManager?: SecretsManagerSettings;
  readonly config?: Omit<ConfigSettings, 'secretsManager'>;
  readonly extraEnvironment?: readonly EnvVariable[];
  /**
   * Certificate authorities that the workloads are to trust, from an object in their namespace. Most of their libraries take
   * the file instead of the public authorities. Variables of `extraEnvironment` win over those that name the file.
   */
  readonly certificateAuthority?: CertificateAuthority;
  /** Seconds between SIGTERM and SIGKILL. Default 10: the image's first process ignores SIGTERM. */
  readonly graceSeconds?: number;
}

/** PEM text under a key of a ConfigMap or a Secret. */
export interface CertificateAuthority {
  readonly kind: 'configMap' | 'secret';
  readonly name: string;
  readonly key: string;
}

export interface ImageSettings {
  /** Repository and tag, or digest. */
  readonly image: string;
  readonly pullPolicy?: 'Always' | 'IfNotPresent' | 'Never';
  readonly pullSecrets?: readonly string[];
  /**
   * Tag made of the OpenMetadata version of a run, such as `om-{version}-cl-{version}`. Undefined: the tag stays. A digest
   * is never rewritten, nor is anything when no version is known.
   */
  readonly dynamicTag?: string;
}

/** How the workload gets its config (decision 9). */
export type ConfigDelivery =
  | { readonly kind: 'inline'; readonly text: string }
  | { readonly kind: 'secret' | 'configMap'; readonly name: string; readonly key: string };
