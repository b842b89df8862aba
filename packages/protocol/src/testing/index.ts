export { AGENT_SAMPLES, CONTROL_SAMPLES } from './messages.ts';
export {
  sampleAbsent,
  sampleDiagnosis,
  sampleEnded,
  sampleHello,
  sampleOutcome,
  samplePresent,
  sampleRunId,
  sampleSlots,
  sampleStart,
  sampleUnknown,
  sampleWelcome,
} from './samples.ts';
export type { AgentBookSubject, BusSubject, RunBookSubject } from './book-contract.ts';
export { agentBookContract, busContract, runBookContract } from './book-contract.ts';
