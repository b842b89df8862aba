/** The room that speaks with agents. What the API sees of it is ports.ts. */
export { createGateway } from './gateway.ts';
export type { GatewayRoom } from './gateway.ts';
export type { LogUpdate } from './ports.ts';
