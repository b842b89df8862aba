export { createKvProvider } from './kv-provider.ts';
export type { KvProviderOptions } from './kv-provider.ts';
