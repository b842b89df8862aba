import fc from 'fast-check';

/** What Argo, Kubernetes or JSON could trip over. */
const fragment = fc.constantFrom(
  ...[
    '{{',
    '{',
    '}}',
    '}',
    '{{=',
    '{{workflow.status}}',
    '{{=1+1}}',
    '{{{',
    '$',
    '$$',
    '$(HOME)',
    '${',
    '"',
    '\\',
    "'",
  ],
  ...['\\u007b', '\u2028', '<', '&', 'é', '🚀', '\n', '\u0000', ' ', 'x'],
);

/** Texts that are full of it. */
export const hostileText = fc.array(fragment, { maxLength: 12 }).map((parts) => parts.join(''));
