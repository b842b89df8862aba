/** The room that speaks with agents. */
export { createGateway } from './gateway.ts';
export type { GatewayOptions, GatewayRoom } from './gateway.ts';
export type { Gateway, LogPosition, LogUpdate, RunLogs } from './ports.ts';
