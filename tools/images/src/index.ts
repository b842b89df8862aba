export { BUILD_BASE, IMAGES, RUN_BASE } from './images.ts';
export type { Image } from './images.ts';
