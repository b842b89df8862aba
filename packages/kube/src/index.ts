export { createKubeApi } from './api/create-kube-api.ts';
export type { KubeApiOptions } from './api/create-kube-api.ts';
export type {
  AccessRight,
  CallOptions,
  CreateResult,
  DeleteOptions,
  KubeApi,
  KubeList,
  KubeObserver,
  KubePlace,
  ListOptions,
  PodLogOptions,
  WatchEvent,
  WatchOptions,
} from './api/kube-api.ts';
export { endedByDeletion } from './diagnose/deletion.ts';
export { diagnoseEnd } from './diagnose/diagnose-end.ts';
export { diagnose } from './diagnose/diagnose.ts';
export type { DiagnosisContext, Evidence, NodeTaints, Taint } from './diagnose/evidence.ts';
export { signalOfExitCode } from './diagnose/exit-code.ts';
export { keepPullReasons } from './diagnose/pull-reason.ts';
export { diagnoseRefusal } from './diagnose/refusal.ts';
export { kubeError } from './errors.ts';
export type { KubeErrorCode, KubeErrorDetails } from './errors.ts';
export type { KubeIdentity } from './identity/identity.ts';
export { inClusterIdentity } from './identity/in-cluster.ts';
export type { InClusterOptions } from './identity/in-cluster.ts';
export { readPodLog } from './logs/read-pod-log.ts';
export type { PodLogReadOptions } from './logs/read-pod-log.ts';
export { CONFIG_MAPS, EVENTS, JOBS, PODS, SECRETS } from './objects.ts';
export type {
  ConfigMap,
  Container,
  ContainerStatus,
  EnvVar,
  Job,
  JobCondition,
  KubeEvent,
  KubeObject,
  KubeSecret,
  Meta,
  Pod,
  PodCondition,
  PodSpec,
  PodTemplate,
  PullSecret,
  ResourceType,
  Wire,
} from './objects.ts';
export { dynamicTagProblem, imageChoice, imageFor, imageReferenceProblem } from './pod/image.ts';
export type { ImageChoice } from './pod/image.ts';
export { RESERVED_ANNOTATIONS, RESERVED_LABELS } from './pod/labels.ts';
export type { ConfigDelivery, ImageSettings, PodSettings } from './pod/settings.ts';
export { buildPodTemplate, placementType } from './pod/template.ts';
export type { PodTemplateInput } from './pod/template.ts';
export { createListWatch } from './watch/list-watch.ts';
export type { ListWatch, ListWatchChange, ListWatchObserver, ListWatchOptions } from './watch/list-watch.ts';
