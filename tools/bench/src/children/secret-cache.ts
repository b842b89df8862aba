import type { SecretResolver } from '@runner/secrets';
import { createSecretResolver, secretText } from '@runner/secrets';
import { collectedMemory } from '../measure/memory.ts';
import { serve } from '../measure/questions.ts';

/** A resolver that remembers many secrets. */
export interface SecretCache {
  /** Resolves so many different references and says how many bytes that takes. */
  fill(count: number): Promise<{ readonly heap: number; readonly resident: number }>;
}

/** Kept, so that nothing of them is collected. */
const kept: SecretResolver[] = [];

serve<SecretCache>({
  fill: async (count) => {
    const resolver = createSecretResolver({
      provider: {
        describe: () => ({ name: 'bench', location: 'this process' }),
        fetch: (id) => Promise.resolve(secretText(`the value of ${id}, a password`, { provider: 'bench', id })),
      },
      ttlMs: 3_600_000,
    });
    // What belongs to the code and not to what it remembers.
    await resolver.resolve('secret:first');
    const before = await collectedMemory();
    await resolver.resolveAll(Array.from({ length: count }, (_, index) => `secret:/team/database/password-${index}`));
    const after = await collectedMemory();
    kept.push(resolver);
    return { heap: after.heapUsed - before.heapUsed, resident: after.rss - before.rss };
  },
});
