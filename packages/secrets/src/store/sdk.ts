import { secretError } from '../errors.ts';

/** Errors of Node for a module that is not installed. */
const NOT_FOUND: ReadonlySet<unknown> = new Set(['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND']);

/**
 * Loads a vendor's SDK when it is first needed. Nobody has to install the clouds they do not use.
 * @param load must be an `import()` of a literal, so that bundlers see it
 */
export async function loadSdk<T>(provider: string, packages: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const missing = NOT_FOUND.has((error as { code?: unknown } | undefined)?.code);
    const what = missing ? `needs ${packages}, which is not installed` : `cannot load ${packages}`;
    throw secretError('secret_sdk_missing', `the secrets provider ${provider} ${what}`, {
      provider,
      cause: error,
      hint: `npm install ${packages}`,
    });
  }
}

/** The result of the first call that succeeds; a failed one is made again by whoever comes next. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () =>
    (made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    }));
}
