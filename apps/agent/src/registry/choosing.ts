import type { Clock } from '@runner/core';
import { createNetwork } from '../transport/http-agent.ts';
import { createAcrTokens } from './acr.ts';
import { createEcrTokens } from './ecr.ts';
import { createGarTokens } from './gar.ts';
import { vendorAgent } from './network.ts';
import type { RegistrySettings } from './settings.ts';
import type { RegistryTokens } from './tokens.ts';

/** Where the tokens of the configured registry come from. Loads no SDK yet. */
export function chooseTokens(settings: RegistrySettings, clock: Clock): RegistryTokens {
  const { source, identity, proxies, certificateAuthorities } = settings;
  const agent = vendorAgent(createNetwork({ proxies, certificateAuthorities, clock }));
  switch (source.type) {
    case 'ecr':
      return createEcrTokens({ ...source, identity, agent, clock });
    case 'acr':
      return createAcrTokens({ ...source, identity, certificateAuthorities, agent, clock });
    case 'gar':
      return createGarTokens({ ...source, clock });
  }
}
