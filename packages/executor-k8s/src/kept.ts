import type { Job } from '@runner/kube';
import { defined, keepMeta } from '@runner/kube/runs';

/** What is kept of Jobs: enough to judge, without the template, whose env holds the config. */
export function keepJob(job: Job): Job {
  const { suspend, parallelism, activeDeadlineSeconds } = job.spec ?? {};
  const { conditions, startTime, completionTime, active, failed, succeeded } = job.status ?? {};
  return {
    metadata: keepMeta(job.metadata),
    spec: defined({ suspend, parallelism, activeDeadlineSeconds }) as NonNullable<Job['spec']>,
    status: defined({ conditions, startTime, completionTime, active, failed, succeeded }),
  };
}
