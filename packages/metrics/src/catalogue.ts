/**
 * Every metric there is, in one table: the registry is built from it and the documents are checked against it.
 * Names of the first part were promised to users and never change; they are those of the original agent, dashboards and
 * alerts included.
 */

export interface MetricDefinition {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly help: string;
  readonly labels?: readonly string[];
  /** Upper bounds of a histogram, in the unit of the name. */
  readonly buckets?: readonly number[];
}

const P = 'collate_hybrid_agent_';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const LONG_SECONDS = [0.5, 1, 5, 10, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 28_800];
const BYTES = [64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576];

/** Names that dashboards and alerts of existing installations use. */
const DOCUMENTED = [
  {
    name: `${P}connected`,
    type: 'gauge',
    help: '1 while this agent is in session with the control plane, else 0. 0 at most one heartbeat after the server was last heard.',
  },
  { name: `${P}jobs_counter_total`, type: 'counter', help: 'Workloads created by this process.' },
  {
    name: `${P}jobs_total`,
    type: 'counter',
    help: 'Workloads whose end this process has seen, by status: succeeded, failed, cancelled.',
    labels: ['status'],
  },
  {
    name: `${P}server_response_time_seconds`,
    type: 'summary',
    help: 'Time the control plane took to answer: heartbeats and REST calls. Count and sum.',
  },
  {
    name: `${P}server_response_time_seconds_max`,
    type: 'gauge',
    help: 'Longest answer of the control plane in the last two minutes, 0 when there was none.',
  },
  {
    name: `${P}executor_response_time_seconds`,
    type: 'summary',
    help: 'Time the executor took for a call, failed ones included. Count and sum.',
  },
  {
    name: `${P}executor_response_time_seconds_max`,
    type: 'gauge',
    help: 'Longest call of the executor in the last two minutes, 0 when there was none.',
  },
  {
    name: `${P}argo_response_time_seconds`,
    type: 'summary',
    help: 'The same numbers as executor_response_time_seconds, under the name that older dashboards use.',
  },
  {
    name: `${P}argo_response_time_seconds_max`,
    type: 'gauge',
    help: 'The same number as executor_response_time_seconds_max, under the name that older dashboards use.',
  },
  {
    name: `${P}cpu_usage`,
    type: 'gauge',
    help: 'CPU time of this process since the scrape before, in percent of one core.',
  },
  { name: `${P}memory_usage`, type: 'gauge', help: 'Used JavaScript heap in MB (1,048,576 bytes).' },
] as const satisfies readonly MetricDefinition[];

/** The way of a run, stage by stage. */
const RUNS = [
  {
    name: `${P}run_accept_seconds`,
    type: 'histogram',
    help: 'From the start frame to the answer that the workload exists.',
    buckets: SECONDS,
  },
  {
    name: `${P}run_start_seconds`,
    type: 'histogram',
    help: 'From accepted until the program of the run was seen to have started.',
    buckets: LONG_SECONDS,
  },
  {
    name: `${P}run_duration_seconds`,
    type: 'histogram',
    help: 'From the start of the program to its end, by the times of the workload.',
    buckets: LONG_SECONDS,
  },
  {
    name: `${P}run_report_seconds`,
    type: 'histogram',
    help: 'From seeing the end of a workload to reporting its outcome; long while the control plane is away.',
    buckets: [...SECONDS, 300, 600, 3_600],
  },
  {
    name: `${P}runs_adopted_total`,
    type: 'counter',
    help: 'Starts whose workload stood already, made by an earlier process or an earlier try.',
  },
  {
    name: `${P}refusals_total`,
    type: 'counter',
    help: 'Runs refused for good, by code; codes that are not listed count as other.',
    labels: ['code'],
  },
  {
    name: `${P}waits_total`,
    type: 'counter',
    help: 'How often a run had to wait, by code; codes that are not listed count as other.',
    labels: ['code'],
  },
  {
    name: `${P}cancels_total`,
    type: 'counter',
    help: 'Runs answered cancelled: nothing existed and nothing was created.',
  },
  {
    name: `${P}endings_total`,
    type: 'counter',
    help: 'Runs ended by the agent itself, by reason: start_deadline, permanent_failure.',
    labels: ['reason'],
  },
  {
    name: `${P}runs_pending`,
    type: 'gauge',
    help: 'Runs whose workload stands and whose program has not begun, by category of the diagnosis; none: it has none.',
    labels: ['category'],
  },
  {
    name: `${P}run_pending_seconds_max`,
    type: 'gauge',
    help: 'The longest wait of those runs in seconds, time in which somebody holds them back not counted.',
    labels: ['category'],
  },
  {
    name: `${P}slots`,
    type: 'gauge',
    help: 'Runs this agent holds at most, in all (pipeline_type "all") and per pipeline type with a limit.',
    labels: ['pipeline_type'],
  },
  {
    name: `${P}slots_free`,
    type: 'gauge',
    help: 'Runs this agent would take now, in all (pipeline_type "all") and per pipeline type with a limit.',
    labels: ['pipeline_type'],
  },
] as const satisfies readonly MetricDefinition[];

/** The session, the process, and what cannot happen. */
const REST = [
  { name: `${P}reconnects_total`, type: 'counter', help: 'Sessions after the first one of this process.' },
  { name: `${P}connection_attempts_total`, type: 'counter', help: 'Attempts to open a socket to the control plane.' },
  {
    name: `${P}disconnects_total`,
    type: 'counter',
    help: 'Sockets that closed, by close code; codes that are not listed count as other.',
    labels: ['code'],
  },
  {
    name: `${P}connection_failures_total`,
    type: 'counter',
    help: 'Attempts that opened no socket, by code of the error, a refused token among them; codes that are not listed count as other.',
    labels: ['code'],
  },
  {
    name: `${P}session_role`,
    type: 'gauge',
    help: '1 for the role this instance has now, 0 for the others: active, standby, blocked, none.',
    labels: ['role'],
  },
  {
    name: `${P}frame_size_bytes`,
    type: 'histogram',
    help: 'Size of frames by direction: sent, received.',
    labels: ['direction'],
    buckets: BYTES,
  },
  {
    name: `${P}frames_ignored_total`,
    type: 'counter',
    help: 'Frames that were ignored or not sent on purpose, by reason; reasons that are not listed count as other.',
    labels: ['reason'],
  },
  {
    name: `${P}watch_age_seconds`,
    type: 'gauge',
    help: 'Seconds since what this agent knows of its workloads was last complete; no sample while nothing is watched.',
  },
  {
    name: `${P}api_throttled_total`,
    type: 'counter',
    help: 'Answers with which the API that workloads are made through asked for fewer calls (429).',
  },
  {
    name: `${P}token_expiry_timestamp_seconds`,
    type: 'gauge',
    help: 'When the token of this agent expires, in seconds since 1970; no sample when it never does or is not known.',
  },
  {
    name: `${P}pull_secret_expiry_timestamp_seconds`,
    type: 'gauge',
    help: 'When the pull secret that the registry helper writes expires, in seconds since 1970; no sample when it is not known.',
  },
  {
    name: `${P}event_loop_lag_seconds`,
    type: 'gauge',
    help: 'The longest the event loop was late in the last two minutes.',
  },
  {
    name: `${P}impossible_events_total`,
    type: 'counter',
    help: 'Things that cannot happen, by event. Anything but 0 is a bug worth a report.',
    labels: ['event'],
  },
] as const satisfies readonly MetricDefinition[];

export const METRICS = [...DOCUMENTED, ...RUNS, ...REST] as const;

type Metric = (typeof METRICS)[number];
/** Names of all metrics of one type, so that a typing error does not compile. */
export type MetricName<Type extends MetricDefinition['type'] = MetricDefinition['type']> = Extract<
  Metric,
  { readonly type: Type }
>['name'];
