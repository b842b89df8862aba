import type { BundledPackage } from './bundled.ts';

const RULE = '-'.repeat(80);

/** Licences of everything of others that is bundled, as most of them ask to be passed on. Pure. */
export function noticesOf(packages: readonly BundledPackage[]): string {
  const others = packages.filter(({ ours }) => !ours);
  const sections = others.map(({ name, version, license, notices }) => {
    const texts = notices.map(({ text }) => text.trim());
    const body = texts.length > 0 ? texts : ['The package brings no text of its licence.'];
    return [RULE, `${name} ${version} (${license ?? 'licence not named'})`, RULE, ...body, ''].join('\n\n');
  });
  return `This program contains the packages below, under their own licences.\n\n${sections.join('\n')}`;
}
