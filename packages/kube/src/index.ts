export { withQuery } from './api/addresses.ts';
export type { Query } from './api/addresses.ts';
export type { Caller, JsonCall, StreamCall } from './api/caller.ts';
export { createKubeApi } from './api/create-kube-api.ts';
export type { KubeApiOptions } from './api/create-kube-api.ts';
export type { Dialect } from './api/dialect.ts';
export { statusError } from './api/failures.ts';
export type { Refusal } from './api/failures.ts';
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
export { describeAbout, detailsOf } from './api/request.ts';
export type { About, KubeRequest } from './api/request.ts';
export { createServerCaller } from './api/server-caller.ts';
export type { ServerCallerOptions } from './api/server-caller.ts';
export type { ApiStatus } from './api/status.ts';
export { endedByDeletion } from './diagnose/deletion.ts';
export { diagnoseEnd } from './diagnose/diagnose-end.ts';
export { diagnose } from './diagnose/diagnose.ts';
export type { DiagnosisContext, Evidence, NodeTaints, Taint } from './diagnose/evidence.ts';
export { signalOfExitCode } from './diagnose/exit-code.ts';
export { mayBeSelected } from './diagnose/node-selection.ts';
export { keepPullReasons } from './diagnose/pull-reason.ts';
export { diagnoseRefusal } from './diagnose/refusal.ts';
export { isReservingTaint, taintText, untoleratedTaints } from './diagnose/taints.ts';
export { kubeError } from './errors.ts';
export type { KubeErrorCode, KubeErrorDetails } from './errors.ts';
export type { KubeIdentity } from './identity/identity.ts';
export { inClusterIdentity } from './identity/in-cluster.ts';
export type { InClusterOptions } from './identity/in-cluster.ts';
export { checkedToken, tokenFile } from './identity/token-file.ts';
export type { ReadFile, TokenFile } from './identity/token-file.ts';
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
export { CERTIFICATE_AUTHORITY_PATH, CERTIFICATE_AUTHORITY_VARIABLES } from './pod/certificate-authority.ts';
export { literal } from './pod/environment.ts';
export { buildExitContainer } from './pod/exit-container.ts';
export type { ExitContainerInput } from './pod/exit-container.ts';
export { dynamicTagProblem, imageChoice, imageFor, imageReferenceProblem } from './pod/image.ts';
export type { ImageChoice } from './pod/image.ts';
export { RESERVED_ANNOTATIONS, RESERVED_LABELS } from './pod/labels.ts';
export { backstopSeconds, wholeSeconds } from './pod/seconds.ts';
export { CONTAINER_SECURITY } from './pod/security.ts';
export type { CertificateAuthority, ConfigDelivery, ImageSettings, PodSettings } from './pod/settings.ts';
export { buildPodTemplate, placementType } from './pod/template.ts';
export type { PodTemplateInput } from './pod/template.ts';
export { createListWatch } from './watch/list-watch.ts';
export type { ListWatch, ListWatchChange, ListWatchObserver, ListWatchOptions } from './watch/list-watch.ts';
