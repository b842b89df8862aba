/** What npm uses on this machine, as `npm config get` and its files say. */
export interface NpmSettings {
  readonly registry: string;
  /** Other settings that decide how a registry is reached, by name; unset ones are left out. */
  readonly network: Readonly<Record<string, string>>;
  /** Texts of the user's and the machine's .npmrc. */
  readonly files: readonly string[];
}

const CREDENTIALS_OR_SCOPE = /^\s*(\/\/[^=]+|@[^=:]+:registry)\s*=/;

/**
 * An .npmrc by which a build reaches the same registries, with the same credentials. Pure. Holds secrets: for a file that
 * only its owner reads, and for no layer.
 * @param ca path of the certificate authorities as the build sees it
 * @param env for `${NAME}` in the files, as npm fills it in
 */
export function npmrcText(
  { registry, network, files }: NpmSettings,
  ca: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const kept = files.flatMap((text) => text.split(/\r?\n/)).filter((line) => CREDENTIALS_OR_SCOPE.test(line));
  const filled = kept.map((line) => line.replaceAll(/\$\{(\w+)\}/g, (whole, name: string) => env[name] ?? whole));
  return [
    `registry=${registry}`,
    ...Object.entries(network).map(([name, value]) => `${name}=${value}`),
    ...(ca === undefined ? [] : [`cafile=${ca}`]),
    ...filled,
    '',
  ].join('\n');
}
