// Somebody's capture, played into a stack that lives: each frame as it was, then as if it had been meant for us, its checksums made
// right, its acknowledgements those of our numbers. Nothing is thrown, every frame is answered, taken or counted as dropped, and
// when all is over nothing is left.

import { address } from '../../../src/address.js';
import { encodeFrame, type IpPacket } from '../../../src/arbitraries.js';
import { readPcap } from '../../../src/link/pcap-reader.js';
import type { Connection } from '../../../src/tcp/connection.js';
import type { UdpEndpoint } from '../../../src/udp/endpoint.js';
import { Bench, OURS, PEERS } from './bench.js';
import { ensure } from './failure.js';
import { mend } from './mend.js';
import { ACK, type Seen, segmentOf, SYN } from './on-the-wire.js';
import { ipOf } from './packets.js';

/** Bytes before the IP header, by tcpdump.org's registry of link types; those of Ethernet stay. */
const HEADER = new Map([[0, 4], [12, 0], [101, 0], [108, 4], [113, 16], [228, 0], [229, 0], [276, 20]]);
const ETHERNET = 1;

/** Time between frames, ms: of what the capture says, no more. */
const GAP_MAX = 1000;
const SERVED = [80, 7];
/** Each is heard by a stack of its own. */
const AIMS = ['as it was', 'to us', 'to a service'] as const;

export interface Played {
  /** Packets in the file, and frames that the stack was given. */
  packets: number;
  frames: number;
  answers: number;
  /** Bytes of text that connections took. */
  text: number;
  /** How many of each reason. */
  readonly drops: Map<string, number>;
  /** What is wrong with the file; null: nothing. */
  damage: string | null;
}

/** What is known of a flow towards us: our number less that of whom the capture's sender spoke to. */
interface Heard { iss: number; theirs: number | null }

/** @throws Finding, or what the stack throws; `at` says which frame it was */
export function play(file: Uint8Array, at: { packet: number; frame: Uint8Array }): Played {
  const played: Played = { packets: 0, frames: 0, answers: 0, text: 0, drops: new Map(), damage: null };
  const players = {
    ethernet: AIMS.map((aim) => new Player('ethernet', aim)),
    ip: AIMS.map((aim) => new Player('ip', aim)),
  };
  const packets = readPcap(file);
  let before: bigint | null = null;
  for (let next = packets.next(); ; next = packets.next()) {
    if (next.done) {
      played.damage = next.value;
      break;
    }
    const { bytes, linkType, timeNs } = next.value;
    played.packets++;
    at.packet = played.packets;
    const gap = before === null ? 0 : Math.max(0, Math.min(GAP_MAX, Number((timeNs - before) / 1_000_000n)));
    before = timeNs;
    for (const [medium, from] of waysIn(linkType, bytes)) {
      for (const player of players[medium]) {
        player.wait(gap);
        const frame = player.aimed(Uint8Array.from(bytes.subarray(from)));
        if (frame === null) continue;
        at.frame = frame;
        played.frames++;
        player.hear(frame);
      }
    }
  }
  for (const player of [...players.ethernet, ...players.ip]) player.finish(played);
  return played;
}

function waysIn(linkType: number, bytes: Uint8Array): readonly (readonly ['ethernet' | 'ip', number])[] {
  if (linkType === ETHERNET) return [['ethernet', 0]];
  const header = linkType === 9 ? (bytes[0] === 0xff ? 4 : 2) : HEADER.get(linkType);
  // What no link of ours carries is noise, for either.
  return header === undefined ? [['ethernet', 0], ['ip', 0]] : [['ip', header]];
}

class Player {
  readonly bench: Bench;
  private readonly connections: Connection[] = [];
  private readonly endpoints: UdpEndpoint[] = [];
  private readonly flows = new Map<string, Heard>();
  private answers = 0;
  private text = 0;

  constructor(private readonly medium: 'ethernet' | 'ip', private readonly aim: typeof AIMS[number]) {
    this.bench = new Bench({ medium, isRouted: true, tcp: { timeWaitMs: 1000 } });
    const { stack } = this.bench;
    for (const port of SERVED) {
      const listener = stack.tcp.listen({ port });
      listener.owner = {
        onTcpAccept: () => {
          for (let c = listener.accept(); c !== null; c = listener.accept()) this.connections.push(c);
        },
      };
    }
    for (const family of [4, 6] as const) {
      const endpoint = stack.udp.open({ family });
      endpoint.bind(address(OURS[family]), SERVED[1]!);
      this.endpoints.push(endpoint);
    }
  }

  /** Null: it cannot be aimed. */
  aimed(frame: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | null {
    if (this.aim === 'as it was') return frame;
    const [b, at] = this.medium === 'ip' ? [frame, 0] : untagged(frame);
    if (!readdress(b, at)) return null;
    if (this.medium === 'ethernet') b.set([2, 0, 0, 0, 0, 2]);
    if (this.aim === 'to a service') this.serve(b, at);
    mend(b, at);
    return b;
  }

  private serve(b: Uint8Array, at: number): void {
    const family = b[at]! >> 4 === 4 ? 4 : 6;
    const transport = family === 4 ? at + 4 * (b[at]! & 15) : at + 40;
    const protocol = family === 4 ? b[at + 9] : b[at + 6];
    if (transport + 20 > b.length || (protocol !== 6 && protocol !== 17)) return;
    b[transport + 2] = 0;
    b[transport + 3] = protocol === 6 ? SERVED[b[transport + 3]! & 1]! : SERVED[1]!;
    if (protocol === 6) this.acknowledge(b, at, transport);
  }

  /** The number that the capture's sender acknowledges becomes one of ours. */
  private acknowledge(b: Uint8Array, at: number, transport: number): void {
    const heard = this.flows.get(flowOf(b, at, transport));
    if (heard === undefined || (b[transport + 13]! & ACK) === 0) return;
    const view = new DataView(b.buffer, b.byteOffset, b.length);
    const ack = view.getUint32(transport + 8);
    heard.theirs ??= (ack - 1) >>> 0;
    view.setUint32(transport + 8, (ack - heard.theirs + heard.iss) >>> 0);
  }

  /** The peer is a router to all who ever were captured, and says again and again where it is. */
  wait(ms: number): void {
    this.bench.advance(ms);
    if (this.medium === 'ethernet') for (const frame of HERE_I_AM) this.bench.receive(frame);
  }

  hear(frame: Uint8Array): void {
    const { bench } = this;
    const before = this.traces();
    const sent = bench.receive(frame);
    this.answers += sent.length;
    for (const seen of sent) this.note(seen);
    ensure(sent.length > 0 || this.traces() !== before, 'a frame is neither answered, nor taken, nor counted as dropped');
    for (const c of this.connections) for (let piece = c.read(); piece !== null; piece = c.read()) this.text += piece.length;
    for (const endpoint of this.endpoints) while (endpoint.receive() !== null);
    bench.settle();
  }

  /** Our SYN+ACKs, by whom they go to. */
  private note(seen: Seen): void {
    if (seen.protocol !== 6 || seen.isFragment) return;
    const { flags, seq, sourcePort, destinationPort } = segmentOf(seen);
    if ((flags & (SYN | ACK)) !== (SYN | ACK)) return;
    const remote = seen.family === 4 ? seen.bytes.subarray(16, 20) : seen.bytes.subarray(24, 40);
    const name = `${remote.join()} ${destinationPort} ${sourcePort}`;
    if (this.flows.get(name)?.iss !== seq) this.flows.set(name, { iss: seq, theirs: null });
  }

  /** All that a frame may change, if it changes anything. */
  private traces(): string {
    const { stack } = this.bench;
    const drops = Object.values(stack.counters.drops).reduce((sum, n) => sum + n, 0);
    const tables = stack.limits.all().map(({ used }) => used());
    const connections = [...stack.tcp.connections].map((c) => [c.state, c.rcv.nxt, c.snd.una, c.snd.wnd, c.lastArrivalAt, c.rcv.up, c.assembler?.bytes]);
    return JSON.stringify([drops, tables, connections]);
  }

  finish(into: Played): void {
    const { stack } = this.bench;
    for (const c of this.connections) c.abort();
    for (const listeners of stack.tcp['listeners'].values()) for (const listener of listeners.slice()) listener.close();
    for (const endpoint of this.endpoints) endpoint.close();
    this.bench.sleep();
    ensure(stack.tcp.connectionCount === 0 && stack.tcp.timeWait.size === 0, 'connections are left');
    ensure(stack.pool.outstanding === 0, () => `${stack.pool.outstanding} packets are left`);
    into.answers += this.answers;
    into.text += this.text;
    for (const [reason, n] of Object.entries(stack.counters.dropped())) into.drops.set(reason, (into.drops.get(reason) ?? 0) + n);
  }
}

const FRAME = { kind: 'frame', destination: '02:00:00:00:00:02', source: '02:00:00:00:00:01', tags: [] } as const;
const MAC = FRAME.source;
/** Who asks, tells. RFC 826, RFC 4861 §7.2.3. */
const HERE_I_AM = [
  encodeFrame({ ...FRAME, content: { kind: 'arp', operation: 1, senderMac: MAC, senderIp: PEERS[4], targetMac: '00:00:00:00:00:00', targetIp: OURS[4] } }),
  encodeFrame({
    ...FRAME, content: {
      ...ipOf(6, {
        kind: 'ndp', options: [{ kind: 'link-address', isTarget: false, mac: MAC }], type: 135, rest: 0, target: OURS[6], destination: OURS[6], reachable: 0,
        retransmit: 0, checksumOff: 0,
      }), hopLimit: 255,
    } as IpPacket,
  }),
];

/** Without its VLAN tags, and where the network's header begins. */
function untagged(b: Uint8Array<ArrayBuffer>): [bytes: Uint8Array<ArrayBuffer>, at: number] {
  let at = 12;
  while (b[at] === 0x81 && b[at + 1] === 0) at += 4;
  return [at === 12 ? b : Uint8Array.of(...b.subarray(0, 12), ...b.subarray(at)), 14];
}

const BYTES = { 4: [10, 0, 0, 2], 6: [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2] };

/** To us. False: it is no IP packet. */
function readdress(b: Uint8Array, at: number): boolean {
  const version = b[at] === undefined ? 0 : b[at] >> 4;
  if (version === 4 && b.length >= at + 20) b.set(BYTES[4], at + 16);
  else if (version === 6 && b.length >= at + 40) b.set(BYTES[6], at + 24);
  else return false;
  return true;
}

/** Who sends, from which port, to which. */
function flowOf(b: Uint8Array, at: number, transport: number): string {
  const from = b[at]! >> 4 === 4 ? b.subarray(at + 12, at + 16) : b.subarray(at + 8, at + 24);
  return `${from.join()} ${b[transport]! * 256 + b[transport + 1]!} ${b[transport + 2]! * 256 + b[transport + 3]!}`;
}
