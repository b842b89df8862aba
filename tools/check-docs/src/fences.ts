/** A fenced block of a page. */
export interface Fence {
  readonly page: string;
  /** Line of the opening fence, counted from 1. */
  readonly line: number;
  /** What stands behind the opening fence: `sh`, `yaml values`. */
  readonly kind: string;
  readonly text: string;
}

/** Fenced blocks of a page, also of those that stand indented in a list. */
export function fencesOf(page: string, markdown: string): readonly Fence[] {
  const fences: Fence[] = [];
  let open:
    { readonly line: number; readonly kind: string; readonly indent: number; readonly lines: string[] } | undefined;
  for (const [index, line] of markdown.split('\n').entries()) {
    const [, blanks = '', kind = ''] = /^(\s*)```(.*)$/.exec(line) ?? [];
    if (!/^\s*```/.test(line)) open?.lines.push(line.slice(open.indent));
    else if (open === undefined) open = { line: index + 1, kind: kind.trim(), indent: blanks.length, lines: [] };
    else {
      fences.push({ page, line: open.line, kind: open.kind, text: `${open.lines.join('\n')}\n` });
      open = undefined;
    }
  }
  if (open !== undefined) throw new Error(`${page}:${open.line}: this block has no end`);
  return fences;
}
