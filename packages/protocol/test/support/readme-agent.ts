// Everything below stands in README.md word for word; a test compares the two and runs it.
import { systemClock, systemRandom } from '@runner/core';
import type { AgentConnection } from '@runner/protocol/client';
import { connect } from '@runner/protocol/client';
import { dialWebSocket } from '@runner/protocol/ws';

/** An agent that says truthfully that it runs nothing. */
export function lookAround(url: string, token: () => string): AgentConnection {
  const random = systemRandom();
  const instanceId = random.uuid();
  const agent = connect({
    dial: dialWebSocket({ url, token }),
    hello: () => ({
      agentId: 'example',
      instanceId,
      scope: { id: 'nowhere', description: 'this agent runs nothing' },
      agentVersion: '1.0.0',
      executor: 'none',
      secretsManager: 'none',
      capabilities: [],
      slots: { total: 1, free: 1, types: {} },
    }),
    handlers: {
      session: ({ role, epoch }) => console.log(`in session as ${role}, epoch ${epoch}`),
      disconnected: ({ reason, retryInMs }) => console.log(`${reason}; next try in ms: ${retryInMs ?? 'none'}`),
      start: ({ runId }) => agent.link.refused(runId, { code: 'example', message: 'This agent runs nothing.' }),
      cancel: (runId) => agent.link.cancelled(runId),
      level: ({ levelId, runs }) => {
        const observedAt = Date.now();
        agent.link.report(
          levelId,
          runs.map(({ runId }) => ({ presence: 'absent', runId, observedAt })),
        );
      },
      endingAcknowledged: () => undefined,
      recorded: () => undefined,
      discard: () => undefined,
      logStream: (stream) => stream.end(stream.fromByte, 'not_found'),
    },
    clock: systemClock({ keepAlive: true }),
    random,
  });
  return agent;
}
