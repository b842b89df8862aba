export { createService } from './service.ts';
export type { Service } from './service.ts';
