import type {
  CoreV1Event,
  V1ConfigMap,
  V1Container,
  V1ContainerStatus,
  V1EnvVar,
  V1Job,
  V1JobCondition,
  V1LocalObjectReference,
  V1ObjectMeta,
  V1Pod,
  V1PodCondition,
  V1PodSpec,
  V1PodTemplateSpec,
  V1Secret,
} from '@kubernetes/client-node';

/**
 * A type of the vendor's client as it stands in JSON: times are RFC 3339 strings. The types are theirs, the client is
 * not: its generated code costs more than the call (docs/adr/0006).
 */
export type Wire<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Wire<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Wire<T[Key]> }
      : T;

export type Meta = Wire<V1ObjectMeta>;
export type Job = Wire<V1Job>;
export type JobCondition = Wire<V1JobCondition>;
export type Pod = Wire<V1Pod>;
export type PodCondition = Wire<V1PodCondition>;
export type PodSpec = Wire<V1PodSpec>;
export type PodTemplate = Wire<V1PodTemplateSpec>;
export type Container = Wire<V1Container>;
export type ContainerStatus = Wire<V1ContainerStatus>;
export type EnvVar = Wire<V1EnvVar>;
export type PullSecret = Wire<V1LocalObjectReference>;
export type KubeEvent = Wire<CoreV1Event>;
export type KubeSecret = Wire<V1Secret>;
export type ConfigMap = Wire<V1ConfigMap>;

/** What every object of the API has. Fields that we do not know are carried along. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: Meta;
}

/** A kind of objects, and where the API keeps it. `T` is what one looks like. */
export interface ResourceType<T extends KubeObject = KubeObject> {
  /** `v1`, `batch/v1`, `argoproj.io/v1alpha1`. */
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  /** False for what stands beside namespaces, such as nodes. */
  readonly namespaced: boolean;
  /** Only for the type; never set. */
  readonly object?: T;
}

const core = <T extends KubeObject>(kind: string, plural: string): ResourceType<T> => ({
  apiVersion: 'v1',
  kind,
  plural,
  namespaced: true,
});

export const JOBS: ResourceType<Job> = { apiVersion: 'batch/v1', kind: 'Job', plural: 'jobs', namespaced: true };
export const PODS: ResourceType<Pod> = core('Pod', 'pods');
export const EVENTS: ResourceType<KubeEvent> = core('Event', 'events');
export const SECRETS: ResourceType<KubeSecret> = core('Secret', 'secrets');
export const CONFIG_MAPS: ResourceType<ConfigMap> = core('ConfigMap', 'configmaps');
