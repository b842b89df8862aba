import { keepPullReasons } from '../diagnose/pull-reason.ts';
import type { KubeEvent, Meta, Pod, PodSpec } from '../objects.ts';
import { isLeaving } from './pod-facts.ts';

type Volume = NonNullable<PodSpec['volumes']>[number];

/**
 * What is kept of objects: enough to judge and to diagnose, without env (which holds the config) and managed fields; of
 * volumes only what ConfigMaps and Secrets they are made of. A list of thousands of runs is read with these.
 */
export function keepPod(pod: Pod): Pod {
  const { phase, reason, message, startTime, conditions, containerStatuses, initContainerStatuses } = pod.status ?? {};
  return {
    metadata: keepMeta(pod.metadata),
    ...(pod.spec === undefined ? {} : { spec: keepPodSpec(pod.spec) }),
    status: defined({ phase, reason, message, startTime, conditions, containerStatuses, initContainerStatuses }),
  };
}

/**
 * The same, and the deletion as it was asked for. In the last state of a pod the kubelet writes it anew, with no grace,
 * which hides whether the program had ended before. Likewise the reason why an image cannot be pulled, which older kubelets
 * give now and then only. What is remembered of a pod is to be forgotten when it is gone.
 */
export interface PodKeeper {
  keep(pod: Pod): Pod;
  /** A pod that was kept elsewhere, with what is remembered of it here. */
  restore(pod: Pod): Pod;
  forget(pod: Pod): void;
}

export function podKeeper(): PodKeeper {
  const deletions = new Map<string, Pick<Meta, 'deletionTimestamp' | 'deletionGracePeriodSeconds'>>();
  const waiting = new Map<string, Pod>();
  const restore = (pod: Pod): Pod => {
    const uid = pod.metadata?.uid ?? '';
    const told = keepPullReasons(pod, waiting.get(uid));
    const first = isLeaving(pod) ? deletions.get(uid) : undefined;
    return first === undefined ? told : { ...told, metadata: { ...told.metadata, ...first } };
  };
  return {
    restore,
    keep: (pod) => {
      const { uid, deletionTimestamp, deletionGracePeriodSeconds = 0 } = pod.metadata ?? {};
      if (
        uid !== undefined &&
        deletionTimestamp !== undefined &&
        deletionGracePeriodSeconds > 0 &&
        !deletions.has(uid)
      ) {
        deletions.set(uid, { deletionTimestamp, deletionGracePeriodSeconds });
      }
      const kept = restore(keepPod(pod));
      if (uid !== undefined) {
        if (kept.status?.phase === 'Pending') waiting.set(uid, kept);
        else waiting.delete(uid);
      }
      return kept;
    },
    forget: ({ metadata }) => {
      deletions.delete(metadata?.uid ?? '');
      waiting.delete(metadata?.uid ?? '');
    },
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

export function keepMeta(meta: Meta = {}): Meta {
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
  const volumes = (spec.volumes ?? []).flatMap(keepVolume);
  return {
    ...defined({ nodeName, serviceAccountName, priorityClassName, imagePullSecrets, nodeSelector, tolerations }),
    ...defined({ activeDeadlineSeconds, terminationGracePeriodSeconds, schedulingGates }),
    ...(nodeAffinity === undefined ? {} : { affinity: { nodeAffinity } }),
    ...(volumes.length === 0 ? {} : { volumes }),
    containers: spec.containers.map(({ name, image, command, resources }) => ({
      name,
      ...defined({ image, command, resources }),
    })),
  };
}

function keepVolume({ name, configMap, secret }: Volume): readonly Volume[] {
  if (configMap?.name !== undefined) return [{ name, configMap: { name: configMap.name } }];
  return secret?.secretName === undefined ? [] : [{ name, secret: { secretName: secret.secretName } }];
}

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

/** Without the fields that say nothing. */
export function defined<T extends object>(object: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(object).filter(([, value]) => value !== undefined && value !== null),
  ) as Defined<T>;
}
