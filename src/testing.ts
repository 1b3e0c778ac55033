// `wallsocket/testing`: TCP played from scripts, in virtual time. The tagged template of our own tests, and packetdrill's files.

export { OUR_PORT, PEER_PORT, type Script as TcpScript, ScriptHost, type ScriptOptions, tcp } from './testing/script.js';
export {
  type Event as PacketdrillEvent, type Script as PacketdrillScript, ScriptSyntaxError, type Step as PacketdrillStep,
} from './testing/packetdrill/ast.js';
export { parse as parsePacketdrill } from './testing/packetdrill/parse.js';
export { printScript as printPacketdrill } from './testing/packetdrill/print.js';
export { type Outcome as PacketdrillOutcome, run as runPacketdrill, type RunOptions as PacketdrillOptions } from './testing/packetdrill/run.js';
