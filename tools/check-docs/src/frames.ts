import { firstTableAfter, read } from './files.ts';

const GUIDE = 'docs/visibility.md';

/** docs/visibility.md says of every message of the protocol what is in it, on the side that sends it. */
export function checkFrames(root: string): readonly string[] {
  const [, , , , , , agent = '', plane = ''] = read(root, 'packages/protocol/PROTOCOL.md').split(/^## /m);
  return [
    ...compare(root, /^From the runner to the control plane/, messagesOf(agent, '6 Messages of the agent')),
    ...compare(root, /^From the control plane to the runner/, messagesOf(plane, '7 Messages of the control plane')),
  ];
}

function messagesOf(chapter: string, title: string): readonly string[] {
  if (!chapter.startsWith(title)) throw new Error(`PROTOCOL.md has no chapter "${title}" where it was`);
  return [...chapter.matchAll(/^### `([a-z.]+)`/gm)].map(([, name = '']) => name);
}

function compare(root: string, before: RegExp, messages: readonly string[]): readonly string[] {
  const documented = firstTableAfter(read(root, GUIDE), before) ?? [];
  return [
    ...messages.filter((name) => !documented.includes(name)).map((name) => `${GUIDE}: say what is in \`${name}\``),
    ...documented
      .filter((name) => !messages.includes(name))
      .map((name) => `${GUIDE}: there is no message \`${name}\` that way`),
  ];
}
