import type { Meta, PodSpec, ResourceType, Wire } from '@runner/kube';

/** Workflow objects as they stand in JSON: the fields that we write or read. What we do not know is carried along. */

export interface Workflow {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: Meta;
  readonly spec?: WorkflowSpec;
  readonly status?: WorkflowStatus;
}

export interface WorkflowSpec {
  readonly [field: string]: unknown;
  readonly entrypoint?: string;
  readonly onExit?: string;
  readonly templates?: readonly WorkflowTemplate[];
  /** `Stop`: the exit step still runs. `Terminate`: it does not. */
  readonly shutdown?: string;
  readonly suspend?: boolean;
}

export interface WorkflowTemplate {
  readonly [field: string]: unknown;
  readonly name: string;
  readonly container?: Wire<Partial<PodSpec['containers'][number]>>;
  readonly metadata?: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly outputs?: { readonly parameters?: readonly WorkflowParameter[] };
}

/** A text that a step leaves behind. */
export interface WorkflowParameter {
  readonly name: string;
  readonly value?: string;
  /** The file it is read from when the step has ended, and what it is when there is none. */
  readonly valueFrom?: { readonly path: string; readonly default?: string };
}

/** Unknown phases of later versions come as they are. */
export interface WorkflowStatus {
  /** `''` or absent: the controller has not seen it. Pending, Running, Succeeded, Failed, Error. */
  readonly phase?: string;
  readonly message?: string;
  readonly startedAt?: string | null;
  readonly finishedAt?: string | null;
  readonly progress?: string;
  readonly nodes?: Readonly<Record<string, WorkflowNode>>;
  /** Set instead of `nodes` when they were too large. */
  readonly compressedNodes?: string;
  readonly offloadNodeStatusVersion?: string;
  readonly conditions?: readonly { readonly type?: string; readonly status?: string; readonly message?: string }[];
  readonly synchronization?: unknown;
}

export interface WorkflowNode {
  readonly id?: string;
  readonly name?: string;
  readonly displayName?: string;
  /** Pod, Retry, Steps, … */
  readonly type?: string;
  readonly templateName?: string;
  /** Pending, Running, Succeeded, Failed, Error, Skipped, Omitted. */
  readonly phase?: string;
  readonly message?: string;
  readonly startedAt?: string | null;
  readonly finishedAt?: string | null;
  readonly hostNodeName?: string;
  readonly outputs?: { readonly exitCode?: string; readonly parameters?: readonly WorkflowParameter[] };
  readonly synchronizationStatus?: { readonly waiting?: string };
}

export const WORKFLOWS: ResourceType<Workflow> = {
  apiVersion: 'argoproj.io/v1alpha1',
  kind: 'Workflow',
  plural: 'workflows',
  namespaced: true,
};

/** Names of the two templates of every Workflow of ours. The first is the entry point. */
export const TEMPLATES = { main: 'openmetadata-ingestion', exit: 'exit-handler' } as const;
