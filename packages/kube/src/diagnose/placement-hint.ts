import type { DiagnosisContext } from './evidence.ts';

/** JSON for the placement variable that gives this run's pipeline type these fields; it can be pasted as it stands. */
export const placementJson = ({ pipelineType }: DiagnosisContext, fields: object): string =>
  JSON.stringify({ [pipelineType]: fields });
