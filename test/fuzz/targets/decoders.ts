// F1: every decoder, any bytes. A value or the one error it may throw; and nothing depends on what stands around the bytes, for a
// read past the end is no error in JavaScript.

import { parseAddress, parsePrefix } from '../../../src/address.js';
import { NetError } from '../../../src/errors.js';
import * as IcmpWire from '../../../src/icmp/wire.js';
import { Chain } from '../../../src/ip/extension.js';
import * as IpWire from '../../../src/ip/wire.js';
import { readPcap } from '../../../src/link/pcap-reader.js';
import * as LinkWire from '../../../src/link/wire.js';
import { parseSegment, Segment } from '../../../src/tcp/segment.js';
import { packetText } from '../../../src/testing/packet-text.js';
import { parsePacketdrill, ScriptSyntaxError } from '../../../src/testing.js';
import * as UdpWire from '../../../src/udp/wire.js';
import { Choices } from '../harness/choices.js';
import { same } from '../harness/failure.js';

type Decoder = (b: Uint8Array, at: number, end: number) => unknown;

const segment = new Segment();
const chain = new Chain();

const DECODERS: readonly Decoder[] = [
  (b, at, end) => {
    const verdict = parseSegment(b, at, end, segment);
    return verdict ?? [segment.srcPort, segment.dstPort, segment.seq, segment.ack, segment.flags, segment.payloadLength, segment.length, { ...segment.options }];
  },
  (b, at, end) => IpWire.problem4(b, at, end),
  (b, at, end) => IpWire.problem6(b, at, end),
  (b, at, end) => {
    if (end - at < 2) return null;
    chain.begin(b[at]!, at + 1, at);
    return [chain.walk(b, end), chain.protocol, chain.at - at, chain.code, chain.pointer - at];
  },
  (b, at, end) => (UdpWire.isWellFormed(b, at, end) ? [UdpWire.srcPort(b, at), UdpWire.length(b, at)] : null),
  (b, at, end) => (IcmpWire.isWellFormed(b, at, end) ? [IcmpWire.type(b, at), IcmpWire.mtu4(b, at), IcmpWire.mtu6(b, at)] : null),
  (b, at, end) => (LinkWire.isWellFormedArp(b, at, end) ? [LinkWire.opcode(b, at)] : null),
  (b, at, end) => packetText(b, at, end, 'ip'),
  (b, at, end) => packetText(b, at, end, 'ethernet'),
  (b, at, end) => [...capture(b.slice(at, end))],
  (b, at, end) => {
    const text = textOf(b, at, end);
    return [parseAddress(text)?.toString(), parsePrefix(text)?.prefixLength];
  },
  (b, at, end) => {
    try {
      return parsePacketdrill(textOf(b, at, end)).steps?.length;
    } catch (error) {
      if (error instanceof ScriptSyntaxError) return error.message;
      throw error;
    }
  },
];

function* capture(b: Uint8Array): Generator<unknown> {
  try {
    for (const { bytes } of readPcap(b)) yield bytes.length;
  } catch (error) {
    if (!(error instanceof NetError) && !(error as { code?: string }).code) throw error;
  }
}

const textOf = (b: Uint8Array, at: number, end: number): string => Array.from(b.subarray(at, end), (byte) => String.fromCharCode(byte)).join('');

export function decoders(data: Uint8Array): void {
  const choices = new Choices(data);
  const which = choices.below(DECODERS.length);
  const bytes = choices.rest();
  const decode = DECODERS[which]!;
  const answers = [0, 0xff, 0x05].map((around) => {
    const b = new Uint8Array(bytes.length + 80).fill(around);
    b.set(bytes, 40);
    return decode(b, 40, 40 + bytes.length);
  });
  // Where options lie is told relative to the buffer: the same in all.
  same(answers[1], answers[0], `F1: decoder ${which} reads beyond its bytes`);
  same(answers[2], answers[0], `F1: decoder ${which} reads beyond its bytes`);
}
