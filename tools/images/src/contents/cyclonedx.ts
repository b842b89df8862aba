import { createHash } from 'node:crypto';
import type { BundledPackage } from './bundled.ts';

/** A software bill of materials: CycloneDX 1.5, as JSON. */
export interface Bom {
  readonly bomFormat: 'CycloneDX';
  readonly specVersion: '1.5';
  readonly serialNumber: string;
  readonly version: 1;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
}

interface Component {
  readonly type: 'application' | 'library';
  readonly 'bom-ref': string;
  readonly name: string;
  readonly group?: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses?: readonly [{ readonly expression: string }];
  readonly hashes?: readonly [{ readonly alg: 'SHA-512'; readonly content: string }];
}

export interface Application {
  readonly name: string;
  readonly version: string;
  readonly license: string;
}

/**
 * The bill of a bundle. Pure, and the same for the same bundle: the serial number is made of the content and there is no time.
 * @param integrity of each folder, as package-lock.json has it; packages of this repository have none
 */
export function billOf(
  application: Application,
  packages: readonly BundledPackage[],
  integrity: (folder: string) => string | undefined,
): Bom {
  const seen = new Map<string, Component>();
  for (const bundled of packages) {
    // The same version in two places is one component.
    const component = componentOf('library', bundled, integrity(bundled.folder));
    seen.set(component.purl, seen.get(component.purl) ?? component);
  }
  const components = [...seen.values()];
  const metadata = { component: componentOf('application', application, undefined) };
  const serialNumber = `urn:uuid:${uuidOf(JSON.stringify([metadata, components]))}`;
  return { bomFormat: 'CycloneDX', specVersion: '1.5', serialNumber, version: 1, metadata, components };
}

function componentOf(
  type: Component['type'],
  { name, version, license }: Pick<BundledPackage, 'name' | 'version' | 'license'>,
  integrity: string | undefined,
): Component {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  const [first, second] = name.split('/', 2);
  const sha512 = integrity === undefined ? undefined : /^sha512-(\S+)/.exec(integrity)?.[1];
  return {
    type,
    'bom-ref': purl,
    ...(second === undefined ? { name } : { group: first ?? '', name: second }),
    version,
    purl,
    ...(license === undefined ? {} : { licenses: [{ expression: license }] }),
    ...(sha512 === undefined
      ? {}
      : { hashes: [{ alg: 'SHA-512', content: Buffer.from(sha512, 'base64').toString('hex') }] }),
  };
}

/** A name-based UUID (RFC 9562, version 8) of this text. */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}
