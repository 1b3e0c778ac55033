// F2: what is written is read as it was meant, and written again it is the same. Checksums are right.

import { parseAddress } from '../../../src/address.js';
import { encodePacket, type IpPacket, ipPacket } from '../../../src/arbitraries.js';
import { readPcap } from '../../../src/link/pcap-reader.js';
import { PcapWriter } from '../../../src/link/pcap.js';
import { packetOf } from '../../../src/packet.js';
import { OPTIONS_MAX, optionsLength, parseOptions, TcpOptions, writeOptions, writeSynOptions } from '../../../src/tcp/options.js';
import { parseSegment, Segment } from '../../../src/tcp/segment.js';
import { parsePacketdrill, printPacketdrill } from '../../../src/testing.js';
import { Choices } from '../harness/choices.js';
import { ensure, same } from '../harness/failure.js';
import { readOurs } from '../harness/on-the-wire.js';

const knobs = { payloadMax: 80 };
const packets = ipPacket(knobs);

export function roundTrips(data: Uint8Array): void {
  const choices = new Choices(data);
  switch (choices.below(5)) {
    case 0: {
      const packet = choices.draw(packets);
      const bytes = encodePacket(packet);
      // Over IPv6 no sum is an error, and may be wanted.
      if (packet.kind === 'ipv4' || packet.content.kind !== 'udp' || !packet.content.isUnsummed) readOurs(bytes, 65_535);
      if (packet.content.kind === 'tcp') segment(packet, bytes);
      return;
    }
    case 1: return pcap(choices);
    case 2: return options(choices);
    case 3: return address(choices);
    default: return script(choices);
  }
}

const seg = new Segment();

function segment({ content }: IpPacket, bytes: Uint8Array): void {
  if (content.kind !== 'tcp' || content.sourcePort === 0 || content.destinationPort === 0) return;
  const { at } = readOurs(bytes, 65_535);
  same(parseSegment(bytes, at, bytes.length, seg), null, 'F2: a segment that is right');
  same([seg.seq >>> 0, seg.ack >>> 0, seg.flags, seg.windowField, seg.payloadLength],
    [content.seq >>> 0, content.ack >>> 0, content.flags & 0xff, content.window, content.payload.length], 'F2: a segment');
}

function pcap(choices: Choices): void {
  const chunks: Uint8Array[] = [];
  const writer = new PcapWriter((bytes) => chunks.push(bytes.slice()));
  const index = writer.addInterface('x', 'ip', 1500);
  const all: Uint8Array[] = [];
  for (let i = 0; i < 5 && !choices.isOver; i++) {
    const bytes = choices.bytes(choices.below(70));
    all.push(bytes);
    writer.packet(index, packetOf(bytes), i * 7, choices.of('in', 'out'));
  }
  const file = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    file.set(chunk, at);
    at += chunk.length;
  }
  same([...readPcap(file)].map(({ bytes }) => [...bytes]), all.map((bytes) => [...bytes]), 'F2: a capture');
}

function options(choices: Choices): void {
  const into = new TcpOptions();
  const b = new Uint8Array(OPTIONS_MAX);
  if (choices.oneIn(2)) {
    const said = {
      mss: choices.below(0x1_0000), windowScale: choices.below(16) - 1, sackPermitted: choices.oneIn(2), hasTimestamps: choices.oneIn(2),
      tsVal: choices.i32(), tsEcr: choices.i32(),
    };
    const length = writeSynOptions(b, 0, said);
    ensure(length <= OPTIONS_MAX && length % 4 === 0 && parseOptions(b, 0, length, into), 'F2: the options of a SYN');
    const heard = { ...said, ...(!said.hasTimestamps && { tsVal: 0, tsEcr: 0 }) };
    same([into.mss, into.windowScale, into.sackPermitted, into.hasTimestamps, into.tsVal, into.tsEcr], Object.values(heard), 'F2: the options of a SYN');
    return;
  }
  const hasTimestamps = choices.oneIn(2);
  const count = choices.below(hasTimestamps ? 4 : 5);
  const [starts, ends] = [0, 1].map(() => Int32Array.from({ length: 4 }, () => choices.i32())) as [Int32Array, Int32Array];
  const [tsVal, tsEcr] = [choices.i32(), choices.i32()];
  const length = writeOptions(b, 0, tsVal, tsEcr, hasTimestamps, starts, ends, count);
  ensure(length === optionsLength(hasTimestamps, count) && parseOptions(b, 0, length, into), 'F2: the options of a segment');
  same([into.sackCount, ...into.sackStart.slice(0, count), ...into.sackEnd.slice(0, count)], [count, ...starts.slice(0, count), ...ends.slice(0, count)],
    'F2: SACK blocks');
  if (hasTimestamps) same([into.tsVal, into.tsEcr], [tsVal, tsEcr], 'F2: timestamps');
}

/** RFC 5952: a text form is read as the address that it was made of. */
function address(choices: Choices): void {
  const words = Array.from({ length: 8 }, () => (choices.oneIn(2) ? 0 : choices.u16()));
  const parsed = parseAddress(words.map((word) => word.toString(16)).join(':'));
  ensure(parsed !== null, 'F2: an address of eight words');
  const again = parseAddress(parsed.toString());
  ensure(again !== null && again.equals(parsed), () => `F2: ${words.join(':')} is written ${parsed.toString()}`);
  same(again.toString(), parsed.toString(), 'F2: an address written twice');
}

const LINES = ['0 > S 0:0(0) <mss 1460>', '+.1 < S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK,nop,wscale 3>', '+0 > . 1:1(0) ack 1', '+0~+.5 < P. 1:101(100) ack 1 win 100'];

/** A script that was read and printed is the same script. */
function script(choices: Choices): void {
  const text = Array.from({ length: 1 + choices.below(4) }, () => choices.of(...LINES)).join('\n');
  const printed = printPacketdrill(parsePacketdrill(text));
  same(printPacketdrill(parsePacketdrill(printed)), printed, 'F2: a script printed twice');
}
