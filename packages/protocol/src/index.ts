export type { CloseCode, CloseName } from './close-codes.ts';
export { CLOSE, closeCode } from './close-codes.ts';
export type { Decoded, EncodedFrame } from './codec.ts';
export {
  AGENT_MESSAGE_TYPES,
  CONTROL_MESSAGE_TYPES,
  decodeAgentMessage,
  decodeControlMessage,
  encodeAgentMessage,
  encodeControlMessage,
} from './codec.ts';
export type { ProtocolErrorCode } from './errors.ts';
export type {
  AgentMessage,
  ControlMessage,
  Hello,
  Json,
  JsonObject,
  Role,
  RunStart,
  Timings,
  Welcome,
  WireDiagnosis,
  WireObservation,
  WireOutcome,
  WireSecretCheck,
  WireSlots,
} from './messages.ts';
export {
  BRIDGE_PATH,
  CAPABILITIES,
  LIMITS,
  MINOR_VERSION,
  SUBPROTOCOL,
  agentMessageSchema,
  controlMessageSchema,
  diagnosisSchema,
  helloSchema,
  observationSchema,
  outcomeSchema,
  requiredMarker,
  roleSchema,
  runStartSchema,
  secretCheckSchema,
  slotsSchema,
  welcomeSchema,
} from './messages.ts';
export type { Socket, SocketListener } from './socket.ts';
