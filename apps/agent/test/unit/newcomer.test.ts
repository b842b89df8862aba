import { expect, it } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { newcomerText } from '../../src/newcomer.ts';

it('whoever set nothing is told the variables without which there is no agent, and where to read on', () => {
  const text = newcomerText({ PATH: '/bin', SERVER_URL: ' ' }) ?? '';
  expect(text).toMatch(/https:\/\/\S+#readme\n/);
  const result = parseConfig({}, () => '', 0);
  const missing = result.ok ? [] : result.problems.map(({ variable }) => variable);
  expect(missing.length).toBeGreaterThan(2);
  for (const variable of missing) expect(text).toContain(`${variable}=`);
});

it.each(['SERVER_URL', 'AUTH_TOKEN', 'AUTH_TOKEN_FILE', 'INGESTION_IMAGE'])(
  'whoever has set %s hears of the problems only',
  (name) => {
    expect(newcomerText({ [name]: 'something' })).toBeUndefined();
  },
);
