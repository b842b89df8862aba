import type { Component } from '@runner/core';
import { createLifecycle, isRunnerError } from '@runner/core';
import { recordingLogger, testClock } from '@runner/core/testing';
import { describe, expect, it } from 'vitest';

const part = (name: string, story: string[], overrides: Partial<Component> = {}): Component => ({
  name,
  start: () => Promise.resolve(void story.push(`+${name}`)),
  stop: () => Promise.resolve(void story.push(`-${name}`)),
  ...overrides,
});

describe('lifecycle', () => {
  it('starts in order and stops in reverse', async () => {
    const story: string[] = [];
    const life = createLifecycle([part('a', story), part('b', story)], { clock: testClock() });
    await life.start();
    expect(life.state).toBe('running');
    await life.stop(1_000);
    expect(story).toEqual(['+a', '+b', '-b', '-a']);
    expect(life.state).toBe('stopped');
  });

  it('stops what was started when a later part fails, and throws that failure', async () => {
    const story: string[] = [];
    const failing = part('b', story, { start: () => Promise.reject(new Error('port taken')) });
    const life = createLifecycle([part('a', story), failing, part('c', story)], { clock: testClock() });
    await expect(life.start()).rejects.toThrow('port taken');
    expect(story).toEqual(['+a', '-b', '-a']);
    expect(life.state).toBe('failed');
  });

  it('goes on to the next part when one does not stop in time, and tells it to hurry', async () => {
    const story: string[] = [];
    const clock = testClock();
    let hurried = false;
    const stuck = part('b', story, {
      stop: (signal) => {
        signal.addEventListener('abort', () => (hurried = true));
        return new Promise(() => undefined);
      },
    });
    const life = createLifecycle([part('a', story), stuck], { clock });
    await life.start();
    const stopping = life.stop(5_000);
    await clock.advance(5_000);
    await stopping;
    expect(hurried).toBe(true);
    expect(story).toEqual(['+a', '+b', '-a']);
  });

  it('stops once, however often it is asked', async () => {
    const story: string[] = [];
    const life = createLifecycle([part('a', story)], { clock: testClock() });
    await life.start();
    await Promise.all([life.stop(100), life.stop(100)]);
    expect(story).toEqual(['+a', '-a']);
  });

  it('reports a part that fails while stopping and stops the others all the same', async () => {
    const story: string[] = [];
    const logger = recordingLogger();
    const life = createLifecycle(
      [part('a', story), part('b', story, { stop: () => Promise.reject(new Error('broken pipe')) })],
      { clock: testClock(), logger },
    );
    await life.start();
    await life.stop(100);
    expect(story).toEqual(['+a', '+b', '-a']);
    expect(logger.text()).toContain('broken pipe');
  });

  it('refuses to start twice', async () => {
    const life = createLifecycle([], { clock: testClock() });
    await life.start();
    const error: unknown = await life.start().catch((e: unknown) => e);
    expect(isRunnerError(error, 'lifecycle')).toBe(true);
  });
});
