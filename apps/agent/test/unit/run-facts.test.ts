import { recordingLogger } from '@runner/core/testing';
import { expect, it } from 'vitest';
import { createRunFacts, withRunFacts } from '../../src/agent/run-facts.ts';

const RUN = '11111111-2222-4333-8444-555555555555';
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPEC = { runId: RUN, fqn: 'shop.nightly', traceparent: `00-${TRACE}-b7ad6b7169203331-01` };

it('lines about a known run say whose it is and its trace; other lines stay as they are', () => {
  const facts = createRunFacts();
  const log = recordingLogger();
  const logger = withRunFacts(log, facts);
  facts.note(SPEC);
  logger.info('one', { runId: RUN, more: 1 });
  logger.child({ runId: RUN }).warn('two');
  logger.debug('three', { runId: 'another' });
  logger.error('four');
  facts.forget(RUN);
  logger.info('five', { runId: RUN });
  const about = { pipeline: 'shop.nightly', traceId: TRACE, runId: RUN };
  expect(log.records.map(({ level, context }) => ({ level, context }))).toEqual([
    { level: 'info', context: { ...about, more: 1 } },
    { level: 'warn', context: about },
    { level: 'debug', context: { runId: 'another' } },
    { level: 'error', context: {} },
    { level: 'info', context: { runId: RUN } },
  ]);
});

it('a run without a trace, or with one that cannot be read, has its pipeline only', () => {
  const facts = createRunFacts();
  facts.note({ runId: 'a', fqn: 'x' });
  facts.note({ runId: 'b', fqn: 'y', traceparent: 'nonsense' });
  expect([facts.get('a'), facts.get('b')]).toEqual([{ pipeline: 'x' }, { pipeline: 'y' }]);
});

it('no more than so many runs are known; those that were heard of last stay', () => {
  const facts = createRunFacts(2);
  for (const runId of ['a', 'b', 'a', 'c']) facts.note({ ...SPEC, runId });
  expect(['a', 'b', 'c'].filter((runId) => facts.get(runId) !== undefined)).toEqual(['a', 'c']);
});
