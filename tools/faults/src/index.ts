export { createApi } from './api.ts';
export type { Answer, Api, Json } from './api.ts';
export { controlPlane } from './control-plane.ts';
export type { ControlPlane } from './control-plane.ts';
export { CHUNK_BYTES, completeLog, logEvents, readByPaging, restOf } from './logs.ts';
export { startProgram } from './process.ts';
export type { LogLine, Started } from './process.ts';
export { eventually } from './waiting.ts';
