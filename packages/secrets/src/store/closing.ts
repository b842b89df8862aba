import type { Agent } from 'node:http';

/** Ends every connection of an agent and lets it make no new one, whoever still holds it. */
export function closedForGood(agent: Agent): void {
  agent.createConnection = (_options, callback) => {
    callback?.(Object.assign(new Error('the provider was closed'), { code: 'ECONNABORTED' }), undefined as never);
    return undefined;
  };
  agent.destroy();
}
