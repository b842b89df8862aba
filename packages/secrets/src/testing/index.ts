/** For tests only: a provider under control, and the suite that every provider passes. Needs vitest. */
export { createMemoryProvider } from './memory-provider.ts';
export type { MemoryProvider } from './memory-provider.ts';
export { secretProviderContract } from './provider-contract.ts';
export type { ProviderContractOptions, ProviderHarness } from './provider-contract.ts';
/** Every form in which a value may stand in an output: to look for leaks. */
export { secretForms } from '../redactor/forms.ts';
