import { createServer } from 'node:net';

/** Bridge gateway of tools/cluster. */
const GATEWAY = '10.88.0.1';

/**
 * Address at which pods of the cluster reach this machine: `HOST_FOR_PODS`, else the gateway of tools/cluster where it
 * stands.
 * @throws when neither is there
 */
export async function hostForPods(env: Readonly<Record<string, string | undefined>>): Promise<string> {
  const configured = env['HOST_FOR_PODS'];
  if (configured !== undefined && configured !== '') return configured;
  if (await isOurs(GATEWAY)) return GATEWAY;
  throw new Error('set HOST_FOR_PODS to the address at which pods of this cluster reach this machine');
}

/** Lists of interfaces leave a bridge out as long as no pod is attached to it; listening at its address works all the same. */
async function isOurs(address: string): Promise<boolean> {
  const server = createServer();
  return await new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(0, address, () => server.close(() => resolve(true)));
  });
}
