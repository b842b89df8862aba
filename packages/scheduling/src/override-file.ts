import { LineCounter, parseDocument } from 'yaml';
import type { Problem } from './problem.ts';
import { findingsIn } from './problem.ts';
import type { Plain } from './shape.ts';
import { isPlain } from './shape.ts';

export interface OverrideFile {
  readonly value: Plain;
  readonly problems: readonly Problem[];
}

/** Deep aliases can make a small file enormous. */
const MAX_ALIASES = 100;

/**
 * Reads a YAML override file (`ARGO_INGESTION_CONTAINER_SPEC_FILE_PATH`, `ARGO_INGESTION_WORKFLOW_SPEC_FILE_PATH`). An
 * empty file says nothing. What is not YAML is reported with its line; fields that the contract of the ingestion image
 * owns are reported and left out, because nothing overrides them.
 * @param source name of the variable, for messages
 * @param owned paths that may not be overridden, as in `command` or `env`
 */
export function parseOverrideFile(source: string, text: string, owned: readonly string[]): OverrideFile {
  const problems: Problem[] = [];
  const findings = findingsIn(problems, source);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  for (const error of document.errors) {
    const { line, col } = lines.linePos(error.pos[0]);
    findings.error(
      'invalid_yaml',
      `is not YAML: line ${line}, column ${col} (${error.code}).`,
      'Check indentation and quotes.',
    );
  }
  if (problems.length > 0) return { value: {}, problems };
  const value = toPlain(document, findings);
  const kept = Object.fromEntries(
    Object.entries(value).filter(([field]) => {
      if (!owned.includes(field)) return true;
      findings
        .at(field)
        .error('owned_field', 'belongs to the contract of the ingestion image and cannot be set here.', 'Remove it.');
      return false;
    }),
  );
  return { value: kept, problems };
}

function toPlain(document: ReturnType<typeof parseDocument>, findings: ReturnType<typeof findingsIn>): Plain {
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    if (value === null || value === undefined) return {};
    if (isPlain(value)) return value;
    findings.error('wrong_type', 'must be a map of fields.', 'Write "field: value" lines.');
  } catch {
    findings.error('invalid_yaml', 'uses more aliases than are allowed.', 'Write the values out.');
  }
  return {};
}
