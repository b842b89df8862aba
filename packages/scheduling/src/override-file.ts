import type { Document } from 'yaml';
import { LineCounter, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { Findings, Problem } from './problem.ts';
import { findingsIn } from './problem.ts';
import type { Plain } from './shape.ts';
import { isPlain } from './shape.ts';

export interface OverrideFile {
  readonly value: Plain;
  readonly problems: readonly Problem[];
  /**
   * Line of the field or item at this path, for checks of the value; of the nearest part above it that has one.
   * Undefined only for a file without content.
   */
  readonly line: (path: readonly (string | number)[]) => number | undefined;
}

/** Deep aliases can make a small file enormous. */
const MAX_ALIASES = 100;

/**
 * Reads a YAML override file (`ARGO_INGESTION_CONTAINER_SPEC_FILE_PATH`, `ARGO_INGESTION_WORKFLOW_SPEC_FILE_PATH`). An
 * empty file says nothing. What is not YAML is reported with its line; fields that the contract of the ingestion image
 * owns are reported with theirs and left out, because nothing overrides them.
 * @param source name of the variable, for messages
 * @param owned paths that may not be overridden, as in `command` or `env`
 */
export function parseOverrideFile(source: string, text: string, owned: readonly string[]): OverrideFile {
  const problems: Problem[] = [];
  const findings = findingsIn(problems, source);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  const line = (path: readonly (string | number)[]): number | undefined => lineOf(document, lines, path);
  for (const error of document.errors) {
    const { line: at, col } = lines.linePos(error.pos[0]);
    findings.error(
      'invalid_yaml',
      `is not YAML: line ${at}, column ${col} (${error.code}).`,
      'Check indentation and quotes.',
    );
  }
  if (problems.length > 0) return { value: {}, problems, line };
  const value = toPlain(document, findings);
  const kept = Object.fromEntries(
    Object.entries(value).filter(([field]) => {
      if (!owned.includes(field)) return true;
      findings
        .at(field)
        .error(
          'owned_field',
          `belongs to the contract of the ingestion image and cannot be set here (line ${line([field]) ?? 1}).`,
          'Remove it.',
        );
      return false;
    }),
  );
  return { value: kept, problems, line };
}

function toPlain(document: Document, findings: Findings): Plain {
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

/** Follows the path through the document as it was written; what is behind an alias is told by the alias. */
function lineOf(document: Document, lines: LineCounter, path: readonly (string | number)[]): number | undefined {
  let node: unknown = document.contents;
  let offset = startOf(node);
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      offset = startOf(pair?.key) ?? offset;
      node = pair?.value;
    } else {
      node = isSeq(node) ? node.items[Number(step)] : undefined;
      offset = startOf(node) ?? offset;
    }
  }
  return offset === undefined ? undefined : lines.linePos(offset).line;
}

function startOf(node: unknown): number | undefined {
  const range: unknown = typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined;
  return Array.isArray(range) && typeof range[0] === 'number' ? range[0] : undefined;
}
