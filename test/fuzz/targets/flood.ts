// F15: somebody sends far too much of one thing: SYNs, fragments, unreachable neighbours, datagrams, text out of order. No table
// grows beyond its limit, and who is honest is still served.

import { encodePacket, type IpPacket } from '../../../src/arbitraries.js';
import { address } from '../../../src/address.js';
import { SeededRandom } from '../../../src/random.js';
import { isSynchronized } from '../../../src/tcp/state.js';
import { Bench, OURS, PEERS } from '../harness/bench.js';
import { Choices } from '../harness/choices.js';
import { ensure } from '../harness/failure.js';
import { segmentOf } from '../harness/on-the-wire.js';
import { ipOf } from '../harness/packets.js';

/** Enough to fill a table that was made small. */
const FRAMES = 400;

export function flood(data: Uint8Array): void {
  const choices = new Choices(data);
  const random = new SeededRandom(choices.i32());
  const bench = new Bench({ medium: 'ip', receiveQueue: 64, tcp: { halfOpen: 32, connections: 64, timeWaits: 32, timeWaitMs: 1000, synAckRetries: 1, outOfOrderRanges: 16 } });
  const { stack } = bench;
  const listener = stack.tcp.listen({ port: 80, backlog: 16 });
  const udp = stack.udp.open({ family: 4, receiveBytes: 4096 });
  udp.bind(address(OURS[4]), 7);
  const kind = choices.below(5);
  const frames = 50 + choices.below(FRAMES);
  const mayPause = choices.oneIn(2);
  for (let i = 0; i < frames; i++) {
    const bytes = encodePacket(packetOf(kind, random, i));
    bench.receive(bytes);
    if (mayPause && random.below(50) === 0) bench.advance(random.below(300));
  }
  honest(bench);
  for (let c = listener.accept(); c !== null; c = listener.accept()) c.close();
  listener.close();
  udp.close();
  bench.sleep();
  ensure(stack.tcp.connectionCount === 0 && stack.pool.outstanding === 0, 'F15: something is left');
}

function packetOf(kind: number, random: SeededRandom, i: number): IpPacket {
  const family = random.below(2) === 0 ? 4 : 6;
  const source = family === 4 ? `10.0.0.${3 + random.below(200)}` : `fd00::${(3 + random.below(60_000)).toString(16)}`;
  const tcp = {
    kind: 'tcp' as const, options: [], payload: new Uint8Array(0), sourcePort: 1024 + random.below(60_000), destinationPort: 80, seq: random.u32(), ack: 0,
    flags: 2, window: 1000, urgent: 0, checksumOff: 0,
  };
  switch (kind) {
    case 0: return { ...ipOf(family, tcp), source };
    case 1: {
      const piece = { kind: 'protocol' as const, protocol: 17, payload: new Uint8Array(8 * (1 + random.below(100))) };
      const base = ipOf(family, piece);
      return base.kind === 'ipv4' ? { ...base, source, dontFragment: false, moreFragments: true, fragmentOffset: random.below(500), identification: random.below(65_536) }
        : { ...base, source, extensions: [{ kind: 'fragment', offset: random.below(500), more: true, identification: random.u32() }] };
    }
    case 2: return { ...ipOf(4, { kind: 'udp', payload: new Uint8Array(random.below(900)), sourcePort: 5, destinationPort: 7, isUnsummed: false, checksumOff: 0 }), source: `10.0.0.${3 + random.below(200)}` };
    case 3: return { ...ipOf(family, { kind: 'echo', payload: new Uint8Array(random.below(64)), isReply: false, identifier: i & 0xffff, sequence: 1, checksumOff: 0 }), source };
    // ACKs that no cookie ever was for, and resets.
    default: return { ...ipOf(family, { ...tcp, flags: random.below(2) === 0 ? 16 : 4, ack: random.u32() }), source };
  }
}

/** Somebody who opens a connection as one should, after a while, and is heard. */
function honest(bench: Bench): void {
  bench.advance(120_000);
  const syn = {
    kind: 'tcp' as const, options: [{ kind: 'mss' as const, value: 1000 }], payload: new Uint8Array(0), sourcePort: 50_000, destinationPort: 80, seq: 100, ack: 0,
    flags: 2, window: 1000, urgent: 0, checksumOff: 0,
  };
  const answers = bench.receive(encodePacket({ ...ipOf(4, syn), source: PEERS[4] })).filter(({ protocol }) => protocol === 6).map(segmentOf);
  const answer = answers.find(({ flags }) => (flags & 0x12) === 0x12);
  ensure(answer !== undefined, 'F15: an honest SYN is not answered');
  bench.receive(encodePacket(ipOf(4, { ...syn, options: [], flags: 16, seq: 101, ack: (answer.seq + 1) >>> 0 })));
  bench.receive(encodePacket(ipOf(4, { ...syn, options: [], flags: 24, seq: 101, ack: (answer.seq + 1) >>> 0, payload: Uint8Array.of(1, 2, 3) })));
  const stands = [...bench.stack.tcp.connections].some((c) => c.remotePort === 50_000 && isSynchronized(c.state) && c.readable === 3);
  ensure(stands, 'F15: an honest peer is not served');
}
