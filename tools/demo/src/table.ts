/** Two columns of text under a title, framed; pure. */
export function table(title: string, rows: readonly (readonly [string, string])[]): string {
  const left = Math.max(...rows.map(([name]) => name.length));
  const right = Math.max(...rows.map(([, value]) => value.length), title.length - left - 3);
  const line = (start: string, middle: string, end: string): string =>
    `${start}${'─'.repeat(left + 2)}${middle}${'─'.repeat(right + 2)}${end}`;
  const body = rows.map(([name, value]) => `│ ${name.padEnd(left)} │ ${value.padStart(right)} │`);
  return [
    line('┌', '─', '┐'),
    `│ ${title.padEnd(left + right + 3)} │`,
    line('├', '┬', '┤'),
    ...body,
    line('└', '┴', '┘'),
  ].join('\n');
}

/** 12,345 for 12345. */
export function grouped(value: unknown): string {
  return typeof value === 'number' && Number.isFinite(value) ? value.toLocaleString('en-US') : '–';
}

/** 1.2 s for 1234. */
export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
