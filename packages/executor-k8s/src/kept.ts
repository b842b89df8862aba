import type { Job, KubeEvent, Meta, Pod, PodSpec } from '@runner/kube';

/**
 * What is kept of objects: enough to judge and to diagnose, without env (which holds the config), volumes and managed
 * fields. A list of thousands of Jobs is read with these.
 */
export function keepJob(job: Job): Job {
  const { suspend, parallelism, activeDeadlineSeconds } = job.spec ?? {};
  const { conditions, startTime, completionTime, active, failed, succeeded } = job.status ?? {};
  return {
    metadata: keepMeta(job.metadata),
    spec: defined({ suspend, parallelism, activeDeadlineSeconds }) as NonNullable<Job['spec']>,
    status: defined({ conditions, startTime, completionTime, active, failed, succeeded }),
  };
}

export function keepPod(pod: Pod): Pod {
  const { phase, reason, message, startTime, conditions, containerStatuses, initContainerStatuses } = pod.status ?? {};
  return {
    metadata: keepMeta(pod.metadata),
    ...(pod.spec === undefined ? {} : { spec: keepPodSpec(pod.spec) }),
    status: defined({ phase, reason, message, startTime, conditions, containerStatuses, initContainerStatuses }),
  };
}

export function keepEvent(event: KubeEvent): KubeEvent {
  const { reason, message, type, count, firstTimestamp, lastTimestamp, eventTime, series, involvedObject } = event;
  const { name, namespace, uid } = event.metadata;
  return {
    metadata: defined({ name, namespace, uid }),
    ...defined({ reason, message, type, count, firstTimestamp, lastTimestamp, eventTime, series }),
    involvedObject,
  };
}

function keepMeta(meta: Meta = {}): Meta {
  const { name, namespace, uid, resourceVersion, labels, annotations, ownerReferences, ...rest } = meta;
  const { creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds } = rest;
  return defined({
    ...{ name, namespace, uid, resourceVersion, labels, annotations, ownerReferences },
    ...{ creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds },
  });
}

function keepPodSpec(spec: PodSpec): PodSpec {
  const { nodeName, serviceAccountName, priorityClassName, imagePullSecrets, nodeSelector, tolerations } = spec;
  const { activeDeadlineSeconds, terminationGracePeriodSeconds, schedulingGates } = spec;
  const nodeAffinity = spec.affinity?.nodeAffinity;
  return {
    ...defined({ nodeName, serviceAccountName, priorityClassName, imagePullSecrets, nodeSelector, tolerations }),
    ...defined({ activeDeadlineSeconds, terminationGracePeriodSeconds, schedulingGates }),
    ...(nodeAffinity === undefined ? {} : { affinity: { nodeAffinity } }),
    containers: spec.containers.map(({ name, image, command, resources }) => ({
      name,
      ...defined({ image, command, resources }),
    })),
  };
}

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

function defined<T extends object>(object: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(object).filter(([, value]) => value !== undefined && value !== null),
  ) as Defined<T>;
}
