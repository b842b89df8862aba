import { networkInterfaces } from 'node:os';

/** Bridge gateway of tools/cluster. */
const GATEWAY = '10.88.0.1';

/**
 * Address at which pods of the cluster reach this machine: `HOST_FOR_PODS`, else the gateway of tools/cluster where it stands.
 * @throws when neither is there
 */
export function hostForPods(env: Readonly<Record<string, string | undefined>>): string {
  const configured = env['HOST_FOR_PODS'];
  if (configured !== undefined && configured !== '') return configured;
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  if (addresses.some(({ address }) => address === GATEWAY)) return GATEWAY;
  throw new Error('set HOST_FOR_PODS to the address at which pods of this cluster reach this machine');
}
