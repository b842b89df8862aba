import type { World } from '@runner/e2e';
import { hostForPods, openWorld } from '@runner/e2e';
import type { Company } from './company.ts';
import { openCompany } from './company.ts';
import { tlsFront } from './front.ts';

/** A company, and a control plane as a process of this machine behind its address. One for each test file. */
export interface Deployment extends Company {
  readonly world: World;
  /** Address of this machine as pods reach it. */
  readonly host: string;
}

export async function openDeployment(): Promise<Deployment> {
  const world = await openWorld();
  const host = await hostForPods(process.env);
  const inside = new URL(world.server.url());
  const front = await tlsFront(host, () => [{ host: inside.hostname, port: Number(inside.port) }]);
  const { api, control } = world;
  const company = await openCompany({ host, api, control, front });
  return {
    ...company,
    ...{ world, host },
    [Symbol.asyncDispose]: async () => {
      await company[Symbol.asyncDispose]();
      await front[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
    },
  };
}
