import type { Clock, Random } from '@runner/core';

/**
 * The object with its async methods taking a while, so that calls overlap as they do over a network. A third of the
 * calls are answered at once.
 */
export function slow<T extends object>(
  target: T,
  names: readonly (keyof T & string)[],
  clock: Clock,
  random: Random,
): T {
  return new Proxy(target, {
    get: (object, name) => {
      const value: unknown = Reflect.get(object, name);
      if (typeof value !== 'function' || !(names as readonly string[]).includes(String(name))) return value;
      return async (...args: unknown[]): Promise<unknown> => {
        await pause(clock, random);
        const answer: unknown = await Reflect.apply(value, object, args);
        await pause(clock, random);
        return answer;
      };
    },
  });
}

async function pause(clock: Clock, random: Random): Promise<void> {
  const chance = random.next();
  if (chance > 0.34) await clock.sleep(Math.floor(chance * 40));
}
