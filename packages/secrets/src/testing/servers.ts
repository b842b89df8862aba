/**
 * For tests only: servers that answer the vendors' own SDKs on this machine, each as much as reading secrets takes, with
 * every failure to order. They show how a client behaves on an answer, not that the cloud gives that answer.
 */
export { testCertificate } from './certificate.ts';
export type { TestCertificate } from './certificate.ts';
export type { FaultSwitch, TestFault } from './faults.ts';
export { startTestProxy } from './proxy.ts';
export type { TestProxy, TestProxyOptions } from './proxy.ts';
export { startTestAws } from './aws-server.ts';
export type { TestAws } from './aws-server.ts';
export { TEST_AZURE_TENANT, TEST_AZURE_TOKEN, startTestKeyVault } from './key-vault.ts';
export type { TestKeyVault } from './key-vault.ts';
export { startTestSecretManager } from './secret-manager.ts';
export type { TestSecretManager } from './secret-manager.ts';
export { TEST_NAMESPACE, startTestKubernetesSecrets } from './kubernetes-secrets.ts';
export type { TestKubernetesSecrets } from './kubernetes-secrets.ts';
