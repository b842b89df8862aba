export { controlServer } from './control.ts';
export type { ControlledProgram, ControlServer, ControlServerOptions } from './control.ts';
export { hostForPods } from './host.ts';
export { WORKLOAD_IMAGE, packImage } from './image/pack.ts';
