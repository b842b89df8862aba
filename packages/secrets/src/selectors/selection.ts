import type { SecretIdProblem } from '../reference.ts';

/**
 * Selectors of an id, an extension that is off by default:
 *
 *   id        = bare "#" selector *( "&" selector )
 *   selector  = name "=" value
 *   name      = "json" / "version" / "stage" / "key" / "provider"
 *   value     = 1*( any character except "#", "&", "%", white space / "%" two hex digits )
 *
 * Each name stands at most once. `%XX` are bytes of UTF-8; write `%3A` for the colon of a value that holds `secret:`,
 * because that text is taken out of every reference before anything reads it.
 */
export const SELECTOR_NAMES = ['json', 'version', 'stage', 'key', 'provider'] as const;
export type SelectorName = (typeof SELECTOR_NAMES)[number];

/** What is wanted of a secret, beside its whole newest value. */
export type SecretSelection = { readonly [Name in SelectorName]?: string };

export interface ParsedSelection {
  /** The id without its selectors. */
  readonly id: string;
  readonly selection: SecretSelection;
  readonly problems: readonly SecretIdProblem[];
}

/** Splits an id at its first `#`. Never throws. */
export function parseSelection(id: string, allowed: readonly SelectorName[]): ParsedSelection {
  const hash = id.indexOf('#');
  if (hash === -1) return { id, selection: {}, problems: [] };
  const selection: { [Name in SelectorName]?: string } = {};
  for (const part of id.slice(hash + 1).split('&')) {
    const equals = part.indexOf('=');
    const name = equals === -1 ? part : part.slice(0, equals);
    const value = equals === -1 ? undefined : decode(part.slice(equals + 1));
    const message = !isAllowed(name, allowed)
      ? `its selector ${JSON.stringify(name.slice(0, 32))} is not known here`
      : value === undefined || value === ''
        ? `its selector ${name} has no value, or one with "#" or a wrong percent sign`
        : selection[name] !== undefined
          ? `its selector ${name} stands twice`
          : undefined;
    if (message !== undefined) return { id: id.slice(0, hash), selection: {}, problems: [problem(message, allowed)] };
    if (isAllowed(name, allowed) && value !== undefined) selection[name] = value;
  }
  return { id: id.slice(0, hash), selection, problems: [] };
}

/** The text that `parseSelection` reads as this id and selection. */
export function formatSelection(id: string, selection: SecretSelection): string {
  const parts = SELECTOR_NAMES.flatMap((name) => {
    const value = selection[name];
    return value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`];
  });
  return parts.length === 0 ? id : `${id}#${parts.join('&')}`;
}

function isAllowed(name: string, allowed: readonly SelectorName[]): name is SelectorName {
  return (allowed as readonly string[]).includes(name);
}

function decode(text: string): string | undefined {
  if (text.includes('#')) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function problem(message: string, allowed: readonly SelectorName[]): SecretIdProblem {
  return {
    code: 'secret_id_selector',
    message,
    hint: `write secret:<id>#<name>=<value>, with the names ${allowed.join(', ')}`,
  };
}
