/** The provider for a value of SECRETS_MANAGER. Behind a door of its own, so that a bundle without it holds no SDK. */
export { chooseProvider } from './choose-provider.ts';
export type { ChooseProviderOptions } from './choose-provider.ts';
