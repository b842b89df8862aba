import { silentLogger } from '@runner/core';
import type { Clock, Logger, Random } from '@runner/core';
import { createDispatcher } from '@runner/dispatch';
import type { DispatchSnapshot, Dispatcher, DispatcherOptions } from '@runner/dispatch';
import type { Executor, ExecutorScope, RunSpec } from '@runner/executor';
import { CAPABILITIES } from '@runner/protocol';
import { connect } from '@runner/protocol/client';
import type {
  AgentConnection,
  AgentHandlers,
  AgentLink,
  ClientObserver,
  ConnectionState,
  Dial,
  SessionInfo,
} from '@runner/protocol/client';
import { createHandlers } from './agent/handlers.ts';
import { createReporter } from './agent/reporter.ts';
import { createRunFacts, withRunFacts } from './agent/run-facts.ts';
import { findScope } from './agent/scope.ts';
import { secretChecks } from './agent/secret-checks.ts';
import { createTaskSet } from './agent/tasks.ts';
import type { TaskSet } from './agent/tasks.ts';
import type { CheckSecrets } from './secret-check.ts';
import { wireSlotsOf } from './translate.ts';

/**
 * The glue between the wire and the work. Everything it touches comes in through these options, so that a model of the
 * whole system can drive this very code with sockets in memory, a clock that stands still and an executor that is a fake.
 */
export interface AgentOptions extends Pick<DispatcherOptions, (typeof DISPATCH_OPTIONS)[number]> {
  readonly agentId: string;
  readonly version: string;
  readonly executor: Executor;
  /** Name of the secrets manager, for the list of runners. */
  readonly secretsManager: string;
  /** How references are read where workloads run. Default: not at all, and the control plane is told so. */
  readonly checkSecrets?: CheckSecrets;
  /** The executor runs a step after the main program and gives it a token of its own. Default false. */
  readonly hasExitStep?: boolean;
  readonly dial: Dial;
  /** The longest a run may execute here, in seconds. Default: as long as the control plane asks. */
  readonly longestRunSeconds?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger?: Logger;
  /** Back-off between connections, milliseconds. Default 5,000 and 60,000. */
  readonly reconnectFloorMs?: number;
  readonly reconnectCapMs?: number;
  readonly dispatchObserver?: DispatcherOptions['observer'];
  readonly clientObserver?: ClientObserver;
  /** Told of each start frame that arrives, sent again or not; must not throw. */
  readonly onStart?: (spec: RunSpec) => void;
}

/** Handed on to the dispatcher as they are. */
const DISPATCH_OPTIONS = [
  'limits',
  'policy',
  'startDeadlineSeconds',
  'permanentGraceMs',
  'endingAckMs',
  'retry',
  'callTimeoutMs',
  'levelTimeoutMs',
  'faultPoint',
] as const satisfies readonly (keyof DispatcherOptions)[];

export interface AgentStatus {
  /** `starting`: the executor has not yet said where it works. */
  readonly connection: 'starting' | ConnectionState;
  readonly session: SessionInfo | undefined;
  /** Epoch milliseconds of the last frame heard. */
  readonly lastHeardAt: number | undefined;
  /** Why there is no session, in words. */
  readonly trouble: string | undefined;
  readonly dispatch: DispatchSnapshot;
}

export interface Agent {
  /** Names this process; another one for each agent that is made. */
  readonly instanceId: string;
  status(): AgentStatus;
  /** Looks for the executor's scope, then connects and stays connected. Returns at once. */
  start(): void;
  /** Connects now instead of after the present wait: what was in the way may be gone. */
  retryNow(): void;
  /**
   * Takes no new runs, says so, sends what is still to be said, and disconnects for good. Workloads live on.
   * @param signal aborted when it must be over now
   */
  drain(signal: AbortSignal): Promise<void>;
  /** Leaves without waiting for anybody; workloads live on. The executor is not closed. Idempotent. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export function createAgent(options: AgentOptions): Agent {
  const stopping = new AbortController();
  const parts = assemble(options, stopping.signal);
  const { dispatcher, tasks, held } = parts;
  const instanceId = options.random.uuid();
  let closed: Promise<void> | undefined;

  const leave = async (signal: AbortSignal): Promise<void> => {
    stopping.abort();
    held.connection?.link.draining();
    await dispatcher.drain(signal);
    await held.connection?.close(signal);
  };
  const close = (): Promise<void> =>
    (closed ??= (async () => {
      stopping.abort();
      await held.connection?.close(AbortSignal.abort());
      await dispatcher.close();
      await tasks.settled();
    })());

  return {
    instanceId,
    status: () => statusOf(parts),
    start: () => tasks.own('connecting', begin(options, parts, instanceId, stopping.signal)),
    retryNow: () => held.connection?.retryNow(),
    drain: async (signal) => {
      await leave(signal);
      await close();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface Parts {
  readonly dispatcher: Dispatcher;
  readonly handlers: AgentHandlers;
  readonly tasks: TaskSet;
  /** What comes and goes. */
  readonly held: { connection: AgentConnection | undefined; trouble: string | undefined };
}

function assemble(options: AgentOptions, leaving: AbortSignal): Parts {
  const { agentId, executor, clock, random } = options;
  const facts = createRunFacts();
  const logger = withRunFacts(options.logger ?? silentLogger, facts);
  const held: Parts['held'] = { connection: undefined, trouble: undefined };
  const tasks = createTaskSet(logger);
  const link = (): AgentLink | undefined => held.connection?.link;
  const dispatcher: Dispatcher = createDispatcher({
    ...dispatchOptions(options),
    agentId,
    executor,
    clock,
    random,
    logger,
    reporter: createReporter(link, () => dispatcher.slots(), facts),
  });
  const handlers = createHandlers({
    agentId,
    longestRunSeconds: options.longestRunSeconds,
    dispatcher,
    executor,
    facts,
    link,
    tasks,
    logger,
    checkSecrets: secretChecks({ check: options.checkSecrets, link, tasks, logger, signal: leaving }),
    onStart: options.onStart ?? (() => undefined),
    onTrouble: (text) => (held.trouble = text),
  });
  return { dispatcher, handlers, tasks, held };
}

/** Connects as soon as the executor has said where it works. */
async function begin(options: AgentOptions, parts: Parts, instanceId: string, signal: AbortSignal): Promise<void> {
  const { executor, clock, random, logger = silentLogger } = options;
  const scope = await findScope(executor, { clock, random, logger, signal });
  if (scope === undefined || signal.aborted) return;
  parts.held.connection = connect({
    ...connectOptions(options, logger),
    hello: () => helloOf(options, instanceId, scope, parts.dispatcher),
    handlers: parts.handlers,
  });
}

function statusOf({ dispatcher, held: { connection, trouble } }: Parts): AgentStatus {
  return {
    connection: connection?.state ?? 'starting',
    session: connection?.session,
    lastHeardAt: connection?.lastHeardAt,
    trouble: connection?.session === undefined ? trouble : undefined,
    dispatch: dispatcher.snapshot(),
  };
}

function dispatchOptions(options: AgentOptions) {
  const { dispatchObserver } = options;
  const given = Object.fromEntries(
    DISPATCH_OPTIONS.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  ) as Pick<DispatcherOptions, (typeof DISPATCH_OPTIONS)[number]>;
  return { ...given, ...(dispatchObserver === undefined ? {} : { observer: dispatchObserver }) };
}

function connectOptions(options: AgentOptions, logger: Logger) {
  const { dial, clock, random, reconnectFloorMs, reconnectCapMs, clientObserver } = options;
  return {
    dial,
    clock,
    random,
    logger,
    ...(reconnectFloorMs === undefined ? {} : { reconnectFloorMs }),
    ...(reconnectCapMs === undefined ? {} : { reconnectCapMs }),
    ...(clientObserver === undefined ? {} : { observer: clientObserver }),
  };
}

function helloOf(options: AgentOptions, instanceId: string, scope: ExecutorScope, dispatcher: Dispatcher) {
  return {
    agentId: options.agentId,
    instanceId,
    scope: { id: scope.id, description: scope.description },
    agentVersion: options.version,
    executor: options.executor.kind,
    secretsManager: options.secretsManager,
    capabilities: capabilitiesOf(options),
    slots: wireSlotsOf(dispatcher.slots()),
  };
}

function capabilitiesOf({ checkSecrets, hasExitStep }: AgentOptions): string[] {
  return [
    ...(checkSecrets === undefined ? [] : [CAPABILITIES.checkSecrets]),
    ...(hasExitStep === true ? [CAPABILITIES.exitToken] : []),
  ];
}
