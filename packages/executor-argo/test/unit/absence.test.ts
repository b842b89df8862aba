import { testClock } from '@runner/core/testing';
import { expect, it } from 'vitest';
import { absenceNotes } from '../../src/absence.ts';

it('believes the second answer that is far enough from the first', async () => {
  const clock = testClock();
  const notes = absenceNotes(clock, 60_000);
  expect(notes.missing('one')).toBe(60_000);
  await clock.advance(20_000);
  expect(notes.missing('one')).toBe(40_000);
  await clock.advance(40_000);
  expect(notes.missing('one')).toBeUndefined();
});

it('begins anew with a run that was found meanwhile', async () => {
  const clock = testClock();
  const notes = absenceNotes(clock, 60_000);
  notes.missing('one');
  await clock.advance(60_000);
  notes.found('one');
  expect(notes.missing('one')).toBe(60_000);
});

it('takes no answer of long ago for the first of two: the run may have been made and removed since', async () => {
  const clock = testClock();
  const notes = absenceNotes(clock, 60_000);
  notes.missing('one');
  await clock.advance(3_600_000);
  expect(notes.missing('one')).toBe(60_000);
});

it('believes each answer where lists are fresh', () => {
  expect(absenceNotes(testClock(), 0).missing('one')).toBeUndefined();
});
