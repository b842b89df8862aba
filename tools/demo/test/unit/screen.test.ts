import { describe, expect, it } from 'vitest';
import { createScreen } from '../../src/screen.ts';
import { grouped, seconds, table } from '../../src/table.ts';

function output(isTTY: boolean) {
  const written: string[] = [];
  return { written, isTTY, columns: 40, write: (text: string) => written.push(text) };
}

describe('the screen', () => {
  it('replaces its live line on a terminal and erases it before a line that stays', () => {
    const terminal = output(true);
    const screen = createScreen(terminal);
    screen.live('one');
    screen.live('two');
    screen.say('done');
    expect(terminal.written).toEqual(['one', '\r\u001b[2K', 'two', '\r\u001b[2K', 'done\n']);
  });

  it('has no live line elsewhere', () => {
    const file = output(false);
    const screen = createScreen(file);
    screen.live('one');
    screen.say('done');
    expect(file.written).toEqual(['done\n']);
  });

  it('cuts a live line to the width of the terminal', () => {
    const terminal = output(true);
    createScreen(terminal).live('x'.repeat(200));
    expect(terminal.written[0]).toHaveLength(39);
  });

  it('lets no text move the cursor', () => {
    const file = output(false);
    createScreen(file).say('a\u001b[2Jb\rc\nd');
    expect(file.written).toEqual(['a [2Jb c\nd\n']);
  });
});

describe('the table', () => {
  it('is framed, names to the left and values to the right', () => {
    expect(
      table('demo', [
        ['tables', grouped(12_345)],
        ['time', seconds(1_234)],
      ]),
    ).toBe(
      [
        '┌─────────────────┐',
        '│ demo            │',
        '├────────┬────────┤',
        '│ tables │ 12,345 │',
        '│ time   │  1.2 s │',
        '└────────┴────────┘',
      ].join('\n'),
    );
  });

  it('is as wide as its title', () => {
    const lines = table('a rather long title', [['a', 'b']]).split('\n');
    expect(new Set(lines.map((line) => line.length)).size).toBe(1);
  });

  it('shows a dash for a figure that nobody gave', () => {
    expect(grouped(undefined)).toBe('–');
  });
});
