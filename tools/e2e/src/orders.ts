/**
 * What a test may tell a program in a pod, and what the program says. One JSON object a line over TCP: the program
 * connects and announces itself, then does what it is told and answers each order with its number.
 */
export interface Announcement {
  /** `pipelineRunId` of a pipeline; the name in `config` of an automation or application. */
  readonly run: string;
  /** Arguments after `python`, such as `main.py`. */
  readonly argv: readonly string[];
  /** The pod. */
  readonly hostname: string;
  /** Process start, so that two executions are never taken for one. */
  readonly execution: string;
}

export type Order =
  /** Writes the bytes to its output, `times` times; answered when they are written. */
  | { readonly order: 'print'; readonly base64: string; readonly times: number }
  /** From now on SIGTERM is ignored (or heeded again). */
  | { readonly order: 'resist'; readonly resist: boolean }
  | { readonly order: 'environment' }
  /** Allocates and touches this much memory at once. */
  | { readonly order: 'allocate'; readonly mebibytes: number }
  /** Calls a URL from inside the pod and answers status and text. */
  | { readonly order: 'fetch'; readonly url: string; readonly init?: FetchInit }
  /** Becomes the small ingestion of examples/quickstart, and ends with its exit code. */
  | { readonly order: 'ingest' }
  | { readonly order: 'exit'; readonly code: number };

export interface FetchInit {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export type NumberedOrder = Order & { readonly number: number };

export interface Answer {
  readonly number: number;
  readonly value: unknown;
}

/** Variable that names the control server to the programs, `host:port`. Without it they are the quickstart. */
export const CONTROL_VARIABLE = 'E2E_CONTROL';
