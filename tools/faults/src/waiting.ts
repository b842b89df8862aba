import { until } from '@runner/core/testing';

const WITHIN_MS = 90_000;

/** As `until`, with the time that a whole bridge takes. */
export const eventually: typeof until = (what, look, withinMs) => until(what, look, withinMs ?? WITHIN_MS);
