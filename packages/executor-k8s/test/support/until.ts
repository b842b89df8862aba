export { until } from '@runner/executor/testing';
