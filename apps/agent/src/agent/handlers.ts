import type { Logger } from '@runner/core';
import type { Dispatcher } from '@runner/dispatch';
import type { Executor, RunSpec } from '@runner/executor';
import type { AgentHandlers, AgentLink, Level, SessionInfo } from '@runner/protocol/client';
import { runSpecOf, wireObservationOf } from '../translate.ts';
import { serveLog } from './log-stream.ts';
import type { RunFacts } from './run-facts.ts';
import type { TaskSet } from './tasks.ts';

export interface HandlerRooms {
  readonly agentId: string;
  /** Upper bound of every run's deadline. */
  readonly longestRunSeconds: number | undefined;
  readonly dispatcher: Dispatcher;
  readonly executor: Executor;
  readonly facts: RunFacts;
  readonly link: () => AgentLink | undefined;
  readonly tasks: TaskSet;
  readonly logger: Logger;
  readonly onStart: (spec: RunSpec) => void;
  readonly checkSecrets: NonNullable<AgentHandlers['checkSecrets']>;
  /** Told why there is no session; undefined when there is one. */
  readonly onTrouble: (text: string | undefined) => void;
}

/** What the control plane says, handed to the dispatcher. */
export function createHandlers(rooms: HandlerRooms): AgentHandlers {
  const { agentId, dispatcher, executor, facts, tasks, logger, onTrouble } = rooms;
  let controlPlaneId = '';
  return {
    session: (session) => {
      controlPlaneId = session.welcome.controlPlaneId;
      onTrouble(undefined);
      enter(session, dispatcher, logger);
    },
    disconnected: (end) => {
      const why =
        end.error?.message ?? end.known?.operator ?? (end.reason === '' ? `closed (${end.code})` : end.reason);
      onTrouble(why);
      dispatcher.deactivate(why);
    },
    start: (run) => {
      const spec = runSpecOf(run, { controlPlaneId, agentId }, rooms.longestRunSeconds);
      facts.note(spec);
      rooms.onStart(spec);
      dispatcher.start(spec, run.connection);
    },
    cancel: (runId, reason) => dispatcher.cancel(runId, reason),
    level: (level) => tasks.own('answering a level', answer(level, rooms)),
    endingAcknowledged: (runId) => dispatcher.endingAcknowledged(runId),
    recorded: (runIds) => {
      dispatcher.recorded(runIds);
      for (const runId of runIds) facts.forget(runId);
    },
    discard: (runId) => dispatcher.discard(runId),
    checkSecrets: rooms.checkSecrets,
    logStream: (stream) => tasks.own('serving a log', serveLog(executor, stream, logger)),
  };
}

function enter({ role, epoch, reason, welcome }: SessionInfo, dispatcher: Dispatcher, logger: Logger): void {
  const { controlPlaneId } = welcome;
  if (role === 'blocked') logger.warn('this instance is blocked: it works elsewhere than the active one', { reason });
  if (role === 'active') dispatcher.activate({ controlPlaneId, epoch });
  else dispatcher.standby({ controlPlaneId }, reason ?? role);
}

async function answer(level: Level, { dispatcher, link }: HandlerRooms): Promise<void> {
  const observations = await dispatcher.level(level.runs);
  link()?.report(level.levelId, observations.map(wireObservationOf));
}
