// `wallsocket/testing`: networks in a test, from one seed; and TCP played from scripts, in virtual time: the tagged template of
// our own tests, and packetdrill's files.

export { Sleep, type SleepReason, type ArmedTimer } from './testing/diagnosis.js';
export type { Duration } from './testing/duration.js';
export { Fault } from './testing/fault.js';
export { type FixtureOptions, networkTest, type Surroundings } from './testing/fixture.js';
export type { LoggedFrame } from './testing/frame-log.js';
export type { Bursts, Fate, Impairments } from './testing/impairment.js';
export type { Mapping, NatKind, NatSettings } from './testing/nat.js';
export { NatHost, type NatOptions, NatSide } from './testing/nat-host.js';
export { createNetwork, Network, type NetworkLinkOptions, type NetworkOptions, type Place } from './testing/network.js';
export type { FakeTimers, NetworkClock } from './testing/network-clock.js';
export { NetworkLink, type RuleFunction, type ScheduledStep, type Verdict, type Way } from './testing/network-link.js';
export { Host, type HostOptions, SwitchNode } from './testing/network-node.js';
export type { IcmpView, PacketView, TcpView, UdpView } from './testing/packet-view.js';
export { type Check, type Replay, replay, replayLine } from './testing/replay.js';
export { parseSegments, type SentSegment, sentSegments, traceDifference, type WantedSegment } from './testing/segment-notation.js';
export { Trace, type TraceOptions } from './testing/trace.js';

export { eventJson, eventText } from './testing/event-text.js';
export { OUR_PORT, PEER_PORT, type Script as TcpScript, ScriptHost, type ScriptOptions, tcp } from './testing/script.js';
export {
  type Event as PacketdrillEvent, type Script as PacketdrillScript, ScriptSyntaxError, type Step as PacketdrillStep,
} from './testing/packetdrill/ast.js';
export { parse as parsePacketdrill } from './testing/packetdrill/parse.js';
export { printScript as printPacketdrill } from './testing/packetdrill/print.js';
export { type Outcome as PacketdrillOutcome, run as runPacketdrill, type RunOptions as PacketdrillOptions } from './testing/packetdrill/run.js';
