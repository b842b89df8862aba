export { createFileProvider } from './file-provider.ts';
export type { FileProviderOptions } from './file-provider.ts';
