/** What a run is, in domain words: the same for every executor, and free of anything of the wire. */

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** A pipeline's run, a one-off automation (test connection) or an application. Decides command and labels. */
export type RunKind = 'pipeline' | 'automation' | 'application';

/** Who a workload belongs to. Work of another control plane or agent is never listed nor touched. */
export interface WorkloadOwner {
  /** UUID in the control plane's store, announced in welcome. */
  readonly controlPlaneId: string;
  readonly agentId: string;
}

/** One execution as the control plane asked for it, already translated, checked and completed by the agent. */
export interface RunSpec {
  /** UUID minted once by the control plane; names the workload. */
  readonly runId: string;
  readonly owner: WorkloadOwner;
  readonly kind: RunKind;
  /** OpenMetadata's PipelineType as it is written there (`metadata`, `TestSuite`, …); `automation` or `application` for the others. */
  readonly pipelineType: string;
  /** Name of the pipeline, automation workflow or application. */
  readonly name: string;
  /** Fully qualified name; equals `name` where there is none. */
  readonly fqn: string;
  /**
   * Workflow config, Workflow entity or App, handed to the workload as JSON in `config`. It carries the run token, so it
   * is never logged.
   */
  readonly config: JsonObject;
  /**
   * The references (`secret:<id>`) in the connection that the workload will read, so that an executor which can learn
   * their values keeps them out of its log. Never values.
   */
  readonly secretReferences?: readonly string[];
  /**
   * Bearer token for the exit step, where the executor has one: it takes the place of the token in `config`, so that what
   * the step reports can be told from what the main program reports. Undefined: the step uses the config as it is. Never
   * logged.
   */
  readonly exitToken?: string;
  /** Seconds the workload may run, from its start. */
  readonly deadlineSeconds: number;
  /** OpenMetadata's version as the control plane announced it; decides the dynamic image tag. */
  readonly openMetadataVersion?: string;
  /** W3C trace context, passed to the workload as TRACEPARENT. */
  readonly traceparent?: string;
}
