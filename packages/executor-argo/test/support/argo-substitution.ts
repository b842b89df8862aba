/**
 * What Argo 3.7 does to a template before it makes a pod of it: writes it as JSON, replaces what stands between `{{` and the
 * next `}}` (names by their values, expressions after `=` by their outcome; what it does not know stays), reads it back.
 * Twice, as a pod's parameters are replaced once more. Written after `util/template` and `common.ProcessArgs`.
 */
export function argoSubstituted<T>(template: T, values: Readonly<Record<string, string>>): T {
  return once(once(template, values), values);
}

function once<T>(template: T, values: Readonly<Record<string, string>>): T {
  const text = goJson(template);
  let out = '';
  let rest = text;
  for (;;) {
    const open = rest.indexOf('{{');
    if (open === -1) break;
    const close = rest.indexOf('}}', open + 2);
    // The real one refuses the whole template: no end of an expression.
    if (close === -1) throw new Error('Cannot find end tag="}}"');
    out += rest.slice(0, open) + replacement(rest.slice(open + 2, close), values);
    rest = rest.slice(close + 2);
  }
  return JSON.parse(out + rest) as T;
}

function replacement(tag: string, values: Readonly<Record<string, string>>): string {
  // Any expression that can be evaluated is; that its outcome differs from its text is all that matters here.
  if (tag.startsWith('=')) return 'evaluated';
  const value = values[tag.trim()];
  return value === undefined ? `{{${tag}}}` : JSON.stringify(value).slice(1, -1);
}

/** JSON as Go writes it. */
function goJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** What Kubernetes makes of an environment: `$(NAME)` of variables further up, `$$` as one dollar sign. */
export function kubernetesExpanded(
  environment: readonly { readonly name: string; readonly value?: string }[],
): ReadonlyMap<string, string> {
  const known = new Map<string, string>();
  for (const { name, value = '' } of environment) known.set(name, expanded(value, known));
  return known;
}

function expanded(value: string, known: ReadonlyMap<string, string>): string {
  return value.replaceAll(/\$\$|\$\(([^)]*)\)/g, (found, name: string | undefined) =>
    name === undefined ? '$' : (known.get(name) ?? found),
  );
}
