import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BundledPackage } from '../../src/contents/bundled.ts';
import { bundledFolders, bundledPackages } from '../../src/contents/bundled.ts';
import { billOf } from '../../src/contents/cyclonedx.ts';
import { noticesOf } from '../../src/contents/notices.ts';
import { REPOSITORY } from '../../src/images.ts';

const metafile = (inputs: Readonly<Record<string, number>>) => ({
  outputs: {
    'dist/main.js': {
      inputs: Object.fromEntries(Object.entries(inputs).map(([path, bytesInOutput]) => [path, { bytesInOutput }])),
    },
  },
});

describe('what a bundle holds', () => {
  it('is the packages of which a byte is in it, each by the folder it was read from', () => {
    const bundle = metafile({
      'src/main.ts': 10,
      '../../packages/core/src/index.ts': 5,
      '../../node_modules/ws/lib/socket.js': 7,
      '../../node_modules/@scope/name/dist/index.js': 7,
      '../../node_modules/outer/node_modules/inner/index.js': 1,
      'node_modules/commander/index.js': 1,
      '../../node_modules/shaken-out/index.js': 0,
    });
    expect(bundledFolders(bundle, 'apps/agent')).toEqual([
      'apps/agent/node_modules/commander',
      'node_modules/@scope/name',
      'node_modules/outer/node_modules/inner',
      'node_modules/ws',
      'packages/core',
    ]);
  });

  it('is read from the packages themselves, with their licences', () => {
    const bundle = metafile({ '../../node_modules/ws/lib/websocket.js': 7, '../../packages/core/src/index.ts': 5 });
    const [ws, core] = bundledPackages(bundle, 'apps/agent', REPOSITORY);
    expect(ws).toMatchObject({ name: 'ws', license: 'MIT', folder: 'node_modules/ws', ours: false });
    expect(ws?.notices.map(({ text }) => text).join()).toContain('Permission is hereby granted');
    expect(core).toMatchObject({ name: '@runner/core', license: 'Apache-2.0', ours: true });
  });
});

const bundled = (name: string, version: string, more: Partial<BundledPackage> = {}): BundledPackage => ({
  ...{ name, version, license: 'MIT', folder: `node_modules/${name}`, notices: [], ours: false },
  ...more,
});
const APPLICATION = { name: '@runner/agent', version: '1.2.3', license: 'Apache-2.0' };
const NO_INTEGRITY = (): undefined => undefined;

describe('the bill of materials', () => {
  it('has a component for each package, with its hash as the lock file has it', () => {
    const bill = billOf(APPLICATION, [bundled('@scope/name', '2.0.0')], () => 'sha512-AAEC');
    expect(bill.metadata.component).toMatchObject({ type: 'application', purl: 'pkg:npm/%40runner/agent@1.2.3' });
    expect(bill.components).toEqual([
      {
        type: 'library',
        'bom-ref': 'pkg:npm/%40scope/name@2.0.0',
        group: '@scope',
        name: 'name',
        version: '2.0.0',
        purl: 'pkg:npm/%40scope/name@2.0.0',
        licenses: [{ expression: 'MIT' }],
        hashes: [{ alg: 'SHA-512', content: '000102' }],
      },
    ]);
  });

  it('leaves out what is not known, and names the same version in two places once', () => {
    const twice = [
      bundled('a', '1.0.0', { license: undefined }),
      bundled('a', '1.0.0', { folder: 'x/node_modules/a' }),
    ];
    const { components } = billOf(APPLICATION, twice, NO_INTEGRITY);
    expect(components).toHaveLength(1);
    expect(Object.keys(components[0] ?? {})).toEqual(['type', 'bom-ref', 'name', 'version', 'purl']);
  });

  it('has a serial number that is a UUID, the same for the same content and another for another', () => {
    const versions = fc.uniqueArray(fc.stringMatching(/^\d\.\d\.\d$/), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(versions, (list) => {
        const numbers = list.map((version) => billOf(APPLICATION, [bundled('a', version)], NO_INTEGRITY).serialNumber);
        const again = list.map((version) => billOf(APPLICATION, [bundled('a', version)], NO_INTEGRITY).serialNumber);
        expect(again).toEqual(numbers);
        expect(new Set(numbers).size).toBe(list.length);
        for (const number of numbers) {
          expect(number).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
        }
      }),
    );
  });
});

it('licences of others are passed on, and a package without a text is said to have none', () => {
  const text = noticesOf([
    bundled('a', '1.0.0', { notices: [{ file: 'LICENSE', text: ' Terms of a \n' }] }),
    bundled('b', '2.0.0', { license: undefined }),
    bundled('@runner/core', '0.1.0', { ours: true }),
  ]);
  expect(text).toContain('a 1.0.0 (MIT)');
  expect(text).toContain('\nTerms of a\n');
  expect(text).toContain('b 2.0.0 (licence not named)');
  expect(text).toContain('brings no text');
  expect(text).not.toContain('@runner/core');
});
