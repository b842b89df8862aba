import type { VARIABLES } from './catalogue.ts';
import type { Finding } from './finding.ts';
import type { Reading } from './read.ts';
import { TYPE_CONFIGS_OF } from './scheduling.ts';

/** What begins a template of Argo, which has no way to write it otherwise. */
const OPENING = '{{';

/** Variables whose texts end up in Workflows and may hold anything; the formats of the others know no brace. */
const FREE = [
  'INGESTION_EXTRA_ENVS',
  'INGESTION_POD_ANNOTATIONS',
  TYPE_CONFIGS_OF.argo,
] as const satisfies readonly (keyof typeof VARIABLES)[];

/** Texts that Argo would read as a template of its own, and replace or refuse. */
export function templateFindings({ sources }: Pick<Reading<typeof VARIABLES>, 'sources'>): readonly Finding[] {
  return FREE.flatMap((name) => {
    const source = sources.get(name);
    if (source === undefined || !holdsTemplate(source.text)) return [];
    return [
      {
        variable: source.name,
        read: undefined,
        message: `holds ${OPENING}, which Argo Workflows would take for a template (template_in_value)`,
        fix: `write it without ${OPENING}; there is no way to escape it`,
      },
    ];
  });
}

/** In JSON a brace may be written as an escape. */
function holdsTemplate(text: string): boolean {
  if (text.includes(OPENING)) return true;
  if (!text.trimStart().startsWith('{')) return false;
  try {
    return JSON.stringify(JSON.parse(text)).includes(OPENING);
  } catch {
    return false;
  }
}
