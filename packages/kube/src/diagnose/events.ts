import type { KubeEvent } from '../objects.ts';

/** When an event happened last, in epoch milliseconds; events of the two APIs keep it in different fields. */
export function timeOfEvent(event: KubeEvent): number {
  const { series, lastTimestamp, eventTime, firstTimestamp, metadata } = event;
  const text =
    series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? firstTimestamp ?? metadata.creationTimestamp ?? '';
  const time = Date.parse(text);
  return Number.isNaN(time) ? 0 : time;
}

/** The latest event that matches; of equally late ones the last in the list. */
export function latestEvent(events: readonly KubeEvent[], match: (event: KubeEvent) => boolean): KubeEvent | undefined {
  let latest: KubeEvent | undefined;
  for (const event of events) {
    if (match(event) && (latest === undefined || timeOfEvent(event) >= timeOfEvent(latest))) latest = event;
  }
  return latest;
}

export const withReason =
  (...reasons: readonly string[]) =>
  (event: KubeEvent): boolean =>
    event.reason !== undefined && reasons.includes(event.reason);
