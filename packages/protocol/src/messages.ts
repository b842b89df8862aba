// The namespace, so that bundlers can leave out what is not used: zod's 40 languages alone are 8 MB of memory.
import * as z from 'zod';

/**
 * Everything that can be said on the wire, in one file. PROTOCOL.md is the specification; these schemas are its
 * vocabulary and must say the same. Types are inferred, never written twice. Unknown fields are dropped on reading.
 */

/** Negotiated in `Sec-WebSocket-Protocol`. The number is the major version. */
export const SUBPROTOCOL = 'hybrid-runner.v1';
/** Documented path of the upgrade; `/` is served as well. */
export const BRIDGE_PATH = '/api/v1/runner-bridge';
/** Highest minor version this package speaks. */
export const MINOR_VERSION = 0;

/** Words of the optional features that exist. */
export const CAPABILITIES = {
  /** `secrets.check` is understood and answered. */
  checkSecrets: 'secrets.check',
  /** `exitToken` of a start is given to a step that runs after the main program. */
  exitToken: 'exit.token',
} as const;

/** Limits both sides hold each other to. */
export const LIMITS = {
  frameBytes: 1_048_576,
  depth: 64,
  /** Runs or observations in one page. */
  pageRuns: 500,
  /** Runs in one level, all pages together. */
  levelRuns: 100_000,
  logDataBytes: 65_536,
  /** Streams one session may have open. */
  logStreams: 256,
  idLength: 256,
  tokenLength: 8_192,
  textLength: 16_384,
  logTailLength: 131_072,
  /** References in one check. */
  checkReferences: 10,
  referenceLength: 512,
} as const;

const id = z.string().min(1).max(LIMITS.idLength);
const runId = z.uuid();
const text = z.string().max(LIMITS.textLength);
const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
/** Epoch milliseconds. */
const instant = z.number().int().nonnegative().max(8_640_000_000_000_000);
const capability = z.string().min(1).max(64);

/** Anything JSON can say. */
export type Json = string | number | boolean | null | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}
/** What is inside is JSON already because `JSON.parse` made it; walking a large `config` again would only cost time. */
const jsonObject = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'expected an object',
);
/** A character of UTF-8 has at most three bytes for each UTF-16 unit, so short texts need no counting. */
const logData = z
  .string()
  .max(LIMITS.logDataBytes)
  .refine(
    (data) => data.length * 3 <= LIMITS.logDataBytes || Buffer.byteLength(data) <= LIMITS.logDataBytes,
    'expected at most 65536 bytes of UTF-8',
  );

// --- shared shapes ---------------------------------------------------------------------------------------------------

export const slotsSchema = z.object({
  /** How many runs this agent will hold at once, and how many more it would take now. */
  total: count,
  free: count,
  /** The same for pipeline types with a limit of their own. */
  types: z.record(id, z.object({ total: count, free: count })).default({}),
  /**
   * How many start frames of this session the agent had taken in when it counted. The control plane's credit is
   * `free - (starts sent - startsSeen)`, so that frames in flight are never counted twice.
   */
  startsSeen: count,
});
export type WireSlots = z.infer<typeof slotsSchema>;

export const diagnosisSchema = z.object({
  category: id,
  code: id,
  message: text,
  hint: text.optional(),
  permanent: z.boolean(),
});
export type WireDiagnosis = z.infer<typeof diagnosisSchema>;

export const outcomeSchema = z.object({
  result: z.enum(['succeeded', 'failed', 'cancelled']),
  exitCode: z.number().int().optional(),
  signal: id.optional(),
  diagnosis: diagnosisSchema.optional(),
  logTail: z.string().max(LIMITS.logTailLength).optional(),
});
export type WireOutcome = z.infer<typeof outcomeSchema>;

export const observationSchema = z.discriminatedUnion('presence', [
  z.object({
    presence: z.literal('present'),
    runId,
    observedAt: instant,
    workload: z.object({ kind: id, name: id, uid: id }),
    phase: z.enum(['pending', 'running', 'ending', 'ended']),
    startedAt: instant.optional(),
    endedAt: instant.optional(),
    outcome: outcomeSchema.optional(),
    diagnosis: diagnosisSchema.optional(),
    suspended: z.boolean().optional(),
    pipelineType: id,
  }),
  z.object({ presence: z.literal('absent'), runId, observedAt: instant }),
  z.object({ presence: z.literal('unknown'), runId, observedAt: instant, reason: text }),
]);
export type WireObservation = z.infer<typeof observationSchema>;

export const runStartSchema = z.object({
  runId,
  kind: z.enum(['pipeline', 'automation', 'application']),
  pipelineType: id,
  name: id,
  fqn: z.string().min(1).max(3072),
  /** What the workload gets; carries the run token. Never logged by either side. */
  config: jsonObject,
  /**
   * Bearer token for a step that runs after the main program and may say how that ended. Only to agents with the
   * capability `exit.token`. Never logged by either side.
   */
  exitToken: z.string().min(1).max(LIMITS.tokenLength).optional(),
  /** For the agent's own plaintext and id checks: references only, never passed on. */
  connection: z.object({ type: id, value: jsonObject }).optional(),
  deadlineSeconds: z.number().int().positive().max(31_536_000),
  priority: z.number().int().min(-1000).max(1000).default(0),
  openMetadataVersion: id.optional(),
  traceparent: z.string().max(128).optional(),
});
export type RunStart = z.infer<typeof runStartSchema>;

/** What became of one reference, without a value. `code` and `message` stand there when it could not be read. */
export const secretCheckSchema = z.object({
  reference: z.string().min(1).max(LIMITS.referenceLength),
  ok: z.boolean(),
  code: id.optional(),
  message: text.optional(),
  hint: text.optional(),
  /** What is odd about a value that could be read. */
  warnings: z
    .array(z.object({ code: id, message: text }))
    .max(32)
    .default([]),
});
export type WireSecretCheck = z.infer<typeof secretCheckSchema>;

// --- both directions -------------------------------------------------------------------------------------------------

const ping = z.object({ type: z.literal('ping'), n: count });
const pong = z.object({ type: z.literal('pong'), n: count });

// --- agent → control plane -------------------------------------------------------------------------------------------

export const helloSchema = z.object({
  type: z.literal('hello'),
  /** Highest minor version of the major in the subprotocol that the agent speaks. */
  minor: count,
  agentId: id,
  instanceId: z.uuid(),
  scope: z.object({ id, description: text }),
  agentVersion: id,
  executor: id,
  secretsManager: id,
  capabilities: z.array(capability).max(64).default([]),
  slots: slotsSchema,
});
export type Hello = z.infer<typeof helloSchema>;

/** `epoch` stands on every frame about runs: the promotion under which it was said. */
const epoch = count;

export const agentMessageSchema = z.discriminatedUnion('type', [
  helloSchema,
  ping,
  pong,
  /** The workload of a start exists. Only ever the reply to a start. */
  z.object({
    type: z.literal('accepted'),
    epoch,
    runId,
    /** False: the workload stood already and was adopted. */
    created: z.boolean(),
    observation: observationSchema,
  }),
  /** The customer's side will never run this. Terminal. */
  z.object({ type: z.literal('refused'), epoch, runId, code: id, message: text, hint: text.optional() }),
  /** It cannot run it just now; nothing was created. */
  z.object({ type: z.literal('waiting'), epoch, runId, code: id, message: text, hint: text.optional() }),
  /** A cancel won: nothing exists for this run and nothing will be created. */
  z.object({ type: z.literal('cancelled'), epoch, runId }),
  /** A change of what is seen of one run, strays included. */
  z.object({ type: z.literal('observed'), epoch, observation: observationSchema }),
  /** The agent is about to end this run by itself and waits for `ending.ack`. */
  z.object({
    type: z.literal('ending'),
    epoch,
    runId,
    reason: z.enum(['start_deadline', 'permanent_failure']),
    diagnosis: diagnosisSchema.optional(),
  }),
  /** The answer to a level: one observation for each run in it, and the strays. */
  z.object({ type: z.literal('report.begin'), epoch, levelId: id }),
  z.object({
    type: z.literal('report.page'),
    epoch,
    levelId: id,
    observations: z.array(observationSchema).max(LIMITS.pageRuns),
  }),
  z.object({ type: z.literal('report.end'), epoch, levelId: id, total: count }),
  z.object({ type: z.literal('slots'), slots: slotsSchema }),
  /** No more starts, please; the agent is leaving and its workloads live on. */
  z.object({ type: z.literal('draining') }),
  z.object({
    type: z.literal('log.chunk'),
    streamId: id,
    runId,
    /** Raw byte range of the main program's output that `data` stands for; `data` is redacted and may differ in length. */
    rawFrom: count,
    rawTo: count,
    data: logData,
    /** The line goes on in the next chunk. */
    continued: z.boolean().optional(),
  }),
  /** Raw bytes [rawFrom, rawTo) cannot be had any more. */
  z.object({ type: z.literal('log.gap'), streamId: id, runId, rawFrom: count, rawTo: count }),
  z.object({
    type: z.literal('log.end'),
    streamId: id,
    runId,
    /** Offset behind the last byte there is. */
    rawTo: count,
    reason: z.enum(['complete', 'not_found', 'unavailable', 'closed', 'lagging']),
    message: text.optional(),
  }),
  /** The answer to `secrets.check`: one result for each reference, or why there are none. */
  z.object({
    type: z.literal('secrets.checked'),
    checkId: id,
    results: z.array(secretCheckSchema).max(LIMITS.checkReferences).default([]),
    problem: z.object({ code: id, message: text, hint: text.optional() }).optional(),
  }),
]);
export type AgentMessage = z.infer<typeof agentMessageSchema>;

// --- control plane → agent -------------------------------------------------------------------------------------------

export const roleSchema = z.enum(['active', 'standby', 'blocked']);
export type Role = z.infer<typeof roleSchema>;

/** So that a ping that is late by its jitter is not taken for silence. */
const SILENCE_HEARTBEATS = 1.5;
const timings = z
  .object({
    /** Each side sends a ping this often, with ± 20 % jitter. */
    heartbeatMs: z.number().int().min(100).max(30_000),
    /** A side that received nothing for this long closes the socket (4408). */
    silenceMs: z.number().int().min(200).max(45_000),
  })
  .refine(
    ({ heartbeatMs, silenceMs }) => silenceMs >= heartbeatMs * SILENCE_HEARTBEATS,
    `expected silenceMs of at least ${SILENCE_HEARTBEATS} × heartbeatMs`,
  );
export type Timings = z.infer<typeof timings>;

export const welcomeSchema = z.object({
  type: z.literal('welcome'),
  /** UUID of the control plane's store. */
  controlPlaneId: id,
  sessionId: id,
  epoch,
  role: roleSchema,
  /** Why the role is standby or blocked, for the agent's log. */
  reason: text.optional(),
  minor: count,
  capabilities: z.array(capability).max(64).default([]),
  openMetadataVersion: id.optional(),
  timings,
});
export type Welcome = z.infer<typeof welcomeSchema>;

export const controlMessageSchema = z.discriminatedUnion('type', [
  welcomeSchema,
  ping,
  pong,
  /** The instance's role changed; with `active` comes a higher epoch. */
  z.object({ type: z.literal('role'), role: roleSchema, epoch, reason: text.optional() }),
  /** The level: what the control plane holds open for this agent and wants of it. Creates nothing. */
  z.object({ type: z.literal('level.begin'), epoch, levelId: id }),
  z.object({
    type: z.literal('level.page'),
    epoch,
    levelId: id,
    runs: z.array(z.object({ runId, want: z.enum(['run', 'cancel']), accepted: z.boolean() })).max(LIMITS.pageRuns),
  }),
  z.object({ type: z.literal('level.end'), epoch, levelId: id, total: count }),
  z.object({ type: z.literal('start'), epoch, run: runStartSchema }),
  z.object({ type: z.literal('cancel'), epoch, runId, reason: text.optional() }),
  z.object({ type: z.literal('ending.ack'), epoch, runId }),
  /** The outcome of these runs is stored; the agent need not report them again in this session. */
  z.object({ type: z.literal('recorded'), epoch, runIds: z.array(runId).max(LIMITS.pageRuns) }),
  /** Remove the record of a workload that has ended. Refused in silence while it lives. */
  z.object({ type: z.literal('discard'), epoch, runId }),
  z.object({
    type: z.literal('log.open'),
    streamId: id,
    runId,
    fromByte: count,
    follow: z.boolean(),
    /** Bytes of `data` the agent may send before it needs more credit. */
    credit: count,
  }),
  z.object({ type: z.literal('log.credit'), streamId: id, bytes: count }),
  z.object({ type: z.literal('log.close'), streamId: id }),
  /** Read these references where workloads run, and say what became of each. Only with the capability of that name. */
  z.object({
    type: z.literal('secrets.check'),
    checkId: id,
    references: z.array(z.string().min(1).max(LIMITS.referenceLength)).min(1).max(LIMITS.checkReferences),
  }),
]);
export type ControlMessage = z.infer<typeof controlMessageSchema>;

/** A frame of a newer minor version that the older side must not skip carries `"required": true`. */
export const requiredMarker = 'required';
