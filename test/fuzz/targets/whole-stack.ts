// F4: the whole stack, one interface: frames of every kind, half of them damaged with their checksums mended, time, and calls.

import { address } from '../../../src/address.js';
import { aim, aimedSegment, encodeFrame, encodePacket, fragments, frame, type IpPacket, ipPacket } from '../../../src/arbitraries.js';
import { NetError } from '../../../src/errors.js';
import { RawSocket } from '../../../src/socket-api/raw.js';
import type { Connection } from '../../../src/tcp/connection.js';
import type { UdpEndpoint } from '../../../src/udp/endpoint.js';
import { Bench, OURS, PEERS } from '../harness/bench.js';
import { Choices } from '../harness/choices.js';
import { ensure } from '../harness/failure.js';
import { mend } from '../harness/mend.js';
import { ipOf } from '../harness/packets.js';

const KNOBS = { payloadMax: 120 };
const packets = ipPacket(KNOBS);
const ethernet = frame(KNOBS);
const cuts = fragments({ payloadMax: 300 });
const segments = aimedSegment();

/** A group that we are in, the net, and a group that is nobody's. */
const MANY = { 4: ['224.0.0.1', '10.0.0.255', '255.255.255.255', '239.1.1.1'], 6: ['ff02::1', 'ff02::1:ff00:2', 'ff05::1:3'] } as const;

/** Most of what comes is for us: else it dies at the door. */
function aimed(packet: IpPacket, choices: Choices): IpPacket {
  if (choices.oneIn(6)) return packet;
  const family = packet.kind === 'ipv4' ? 4 : 6;
  const content = packet.content.kind === 'tcp' || packet.content.kind === 'udp'
    ? { ...packet.content, sourcePort: 40_000 + choices.below(3), destinationPort: choices.of(80, 80, 7, 81) } : packet.content;
  const destination = choices.oneIn(8) ? choices.of(...MANY[family]) : OURS[family];
  return { ...packet, source: PEERS[family], destination, content };
}

const ethernetHeader = (family: 4 | 6): number[] => [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, ...(family === 4 ? [8, 0] : [0x86, 0xdd])];

/** What came out of it: for F14. */
export function runWholeStack(data: Uint8Array): number {
  const choices = new Choices(data);
  const medium = choices.of('ip', 'ethernet');
  const bench = new Bench({ medium, tcp: { timeWaitMs: 5000 } });
  const { stack } = bench;
  const connections: Connection[] = [];
  const endpoints: UdpEndpoint[] = [];
  const listener = stack.tcp.listen({ port: 80 });
  listener.owner = {
    onTcpAccept: () => {
      bench.calledBack();
      for (let c = listener.accept(); c !== null; c = listener.accept()) connections.push(own(c));
    },
  };
  const raw = RawSocket.open(stack);
  const own = (c: Connection): Connection => {
    c.owner = { onTcpEvent: () => bench.calledBack() };
    return c;
  };
  const hit = (packet: Uint8Array, family: 4 | 6): void => {
    bench.receive(medium === 'ip' ? packet : Uint8Array.of(...ethernetHeader(family), ...packet));
  };
  const damaged = (bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => {
    if (!choices.oneIn(3) || bytes.length === 0) return bytes;
    for (let i = 1 + choices.below(3); i > 0; i--) bytes[choices.below(Math.min(bytes.length, 90))] = choices.u8();
    const cut = choices.oneIn(5) ? bytes.slice(0, choices.below(bytes.length + 1)) : bytes;
    if (!choices.oneIn(4)) mend(cut, medium === 'ip' ? 0 : 14);
    return cut;
  };

  for (let steps = 0; steps < 60 && !choices.isOver; steps++) {
    switch (choices.below(9)) {
      case 0:
      case 1: {
        const packet = aimed(choices.draw(packets), choices);
        const bytes = encodePacket(packet);
        const whole = medium === 'ip' ? bytes : Uint8Array.of(...ethernetHeader(packet.kind === 'ipv4' ? 4 : 6), ...bytes);
        bench.receive(damaged(whole));
        break;
      }
      case 2:
        bench.receive(medium === 'ethernet' ? damaged(encodeFrame(choices.draw(ethernet))) : choices.bytes(choices.below(80)));
        break;
      case 3:
        for (const piece of choices.draw(cuts)) hit(encodePacket(aimed(piece, choices)), piece.kind === 'ipv4' ? 4 : 6);
        break;
      case 4: {
        // To a connection that lives, or to what may become one.
        const c = connections[choices.below(connections.length)];
        const plan = choices.draw(segments);
        const target = c ?? { snd: { una: 0, nxt: 0 }, rcv: { nxt: 0, edge: 0 }, ts: { on: false, recent: 0 } };
        const segment = aim(plan, target, c?.remotePort ?? 40_000, c?.localPort ?? 80);
        const family = (c?.remoteAddress.family ?? 4) as 4 | 6;
        hit(encodePacket(ipOf(family, segment)), family);
        break;
      }
      case 5:
        bench.advance(choices.of(0, 1, 40, 200, 1000, 30_000, 100_000));
        break;
      default:
        try {
          bench.call(() => call(choices, bench, connections, endpoints, own));
        } catch (error) {
          // A bad call is an error in Node's shape; anything else is ours.
          if (!(error instanceof NetError) && (error as { code?: string }).code === undefined) throw error;
        }
        bench.settle();
    }
  }
  for (const each of connections) each.close();
  for (const each of endpoints) each.close();
  listener.close();
  raw.close();
  bench.sleep();
  ensure(stack.tcp.connectionCount === 0 && stack.tcp.timeWait.size === 0, 'something of TCP is left');
  ensure(stack.pool.outstanding === 0, () => `${stack.pool.outstanding} packets are left`);
  return bench.hash;
}

function call(choices: Choices, { stack }: Bench, connections: Connection[], endpoints: UdpEndpoint[], own: (c: Connection) => Connection): void {
  const c = connections[choices.below(connections.length)];
  const u = endpoints[choices.below(endpoints.length)];
  const peer = address(PEERS[choices.of(4, 6)]);
  switch (choices.below(12)) {
    case 0: connections.push(own(stack.tcp.connect({ address: peer, port: 40_000 + choices.below(3) }))); break;
    case 1: c?.write(new Uint8Array(choices.of(1, 100, 3000, 70_000))); break;
    case 2: c?.read(choices.of(1, 1000, 100_000)); break;
    case 3: c?.shutdown(); break;
    case 4: c?.close(); break;
    case 5: c?.abort(); break;
    case 6:
      c?.configure({
        keepAlive: choices.oneIn(2), noDelay: choices.oneIn(2), corked: choices.oneIn(2), userTimeoutMs: choices.of(0, 500, 5000),
        mtuProbing: choices.of('off', 'black-hole', 'always'), maxSegment: choices.of(Infinity, 216, 1000), receiveBuffer: choices.of(1 << 17, 1000), sendBuffer: choices.of(1 << 17, 1000),
      });
      break;
    case 7: {
      const endpoint = stack.udp.open({ family: choices.of(4, 6) });
      endpoints.push(endpoint);
      endpoint.bind(address(choices.of('0.0.0.0', '::', '10.0.0.2')), choices.of(0, 7, 80));
      break;
    }
    case 8: u?.send(new Uint8Array(3000), 0, choices.of(0, 10, 3000), { address: peer, port: choices.of(1, 40_000) }); break;
    case 9: u?.receive(); break;
    case 10: u?.connect(peer, 40_000); break;
    default: u?.close();
  }
}

export const wholeStack = (data: Uint8Array): void => void runWholeStack(data);
