import { Buffer } from 'node:buffer';

/**
 * The rule for values that are too short to be looked for everywhere: a line is redacted where the value is all it says.
 * That is the value alone, or behind `name=` or `name:` (the name may stand in quotes, the value too, a comma or semicolon
 * may follow). Lines longer than this are not looked at.
 */
const LONGEST_LINE = 512;
const LINE_BREAK = 10;

export interface LineRule {
  add(value: string): void;
  push(chunk: Uint8Array): Uint8Array;
  end(): Uint8Array;
}

export function createLineRule(mark: string): LineRule {
  const patterns: RegExp[] = [];
  let held = Buffer.alloc(0);
  /** Inside a line that is too long already. */
  let passing = false;

  const judged = (line: Buffer): Uint8Array => {
    // Latin-1 keeps every byte as it is, also those that are not UTF-8.
    const text = line.toString('latin1');
    for (const pattern of patterns) {
      const match = pattern.exec(text);
      if (match !== null) return Buffer.from(`${match[1] ?? ''}${mark}${match[2] ?? ''}`, 'latin1');
    }
    return line;
  };
  return {
    add: (value) => {
      const bare = value.trim();
      if (bare !== '') patterns.push(linePattern(bare));
    },
    push(chunk) {
      if (patterns.length === 0) return chunk;
      const out: Uint8Array[] = [];
      let rest = held.length === 0 ? Buffer.from(chunk) : Buffer.concat([held, chunk]);
      for (let at = rest.indexOf(LINE_BREAK); at >= 0; at = rest.indexOf(LINE_BREAK)) {
        const line = rest.subarray(0, at + 1);
        out.push(passing || line.length > LONGEST_LINE ? line : judged(line));
        passing = false;
        rest = rest.subarray(at + 1);
      }
      if (passing || rest.length > LONGEST_LINE) {
        passing = true;
        out.push(rest);
        rest = Buffer.alloc(0);
      }
      held = rest;
      return Buffer.concat(out);
    },
    end() {
      const rest = judged(held);
      held = Buffer.alloc(0);
      passing = false;
      return rest;
    },
  };
}

function linePattern(value: string): RegExp {
  const bytes = Buffer.from(value).toString('latin1');
  const literal = bytes.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(String.raw`^(\s*(?:["']?[\w.-]+["']?\s*[=:]\s*)?["']?)${literal}(["']?[,;]?\s*)$`);
}
