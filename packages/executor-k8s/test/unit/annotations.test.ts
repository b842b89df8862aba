import type { EndIntent } from '@runner/executor';
import { testRunSpec } from '@runner/executor/testing';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ANNOTATIONS, intentOf, intentText, kindOf, pipelineTypeOf, runAnnotations, runIdOf } from '@runner/kube/runs';
import { configObjectOf } from '../../src/annotations.ts';

const texts = fc.string({ unit: 'binary', maxLength: 300 });
const reasons = fc.constantFrom<EndIntent['reason']>('cancelled', 'start_deadline', 'permanent_failure');

it('an intent stands on the Job as it was given, whatever its words', () => {
  fc.assert(
    fc.property(reasons, texts, fc.nat(), (reason, message, at) => {
      const annotations = { [ANNOTATIONS.intent]: intentText({ reason, message }, at) };
      expect(intentOf({ metadata: { annotations } })).toEqual({ reason, message, at });
    }),
  );
});

it('a message without end is cut, so that the Job can hold it', () => {
  const text = intentText({ reason: 'permanent_failure', message: 'x'.repeat(1_000_000) }, 1);
  expect(text.length).toBeLessThan(8_192);
  expect(intentOf({ metadata: { annotations: { [ANNOTATIONS.intent]: text } } })?.reason).toBe('permanent_failure');
});

it('what a run is can be read back, whatever it is called', () => {
  fc.assert(
    fc.property(texts, texts, fc.string({ minLength: 1 }), (name, fqn, pipelineType) => {
      const spec = testRunSpec({ name, fqn, pipelineType, kind: 'automation' });
      const annotations = runAnnotations(spec, { kind: 'secret', name: 'x-config', key: 'config' }, 's');
      const job = { metadata: { annotations } };
      expect([runIdOf(job), pipelineTypeOf(job), kindOf(job)]).toEqual([spec.runId, pipelineType, 'automation']);
      expect(annotations[ANNOTATIONS.fqn]).toBe(fqn);
      expect(configObjectOf(job)).toEqual({ kind: 'secret', name: 'x-config' });
    }),
  );
});

it('a Job without annotations is known by its labels, as far as they go', () => {
  const labels = { 'app.kubernetes.io/run-id': 'r', 'app.kubernetes.io/pipeline-type': 'testsuite' };
  expect(runIdOf({ metadata: { labels } })).toBe('r');
  expect(pipelineTypeOf({ metadata: { labels } })).toBe('testsuite');
  expect(kindOf({ metadata: { labels } })).toBe('pipeline');
  expect(configObjectOf({ metadata: { labels } })).toBeUndefined();
  expect(intentOf(undefined)).toBeUndefined();
});
