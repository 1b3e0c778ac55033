// What real TUN and TAP devices do, seen from inside a network namespace. Run by tun.test.ts.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { writeFileSync } from 'node:fs';

import { address } from '../../src/address.js';
import { hex, setU16, setU32, u16, u32 } from '../../src/bytes.js';
import { completeChecksum } from '../../src/checksum.js';
import type { NetError } from '../../src/errors.js';
import {
  IFF_NO_PI, IFF_TUN, numberOf, requestFor, SIOCGIFINDEX, TUNSETIFF, withFlags,
} from '../../src/link/node/ifreq.js';
import { exists, type KernelSide, prefixOf, setUp } from '../../src/link/node/kernel-side.js';
import { AF_INET, loadLinux, O_RDWR, SOCK_DGRAM } from '../../src/link/node/linux.js';
import { change, isLocal, upRequest } from '../../src/link/node/rtnetlink.js';
import { openTun, type TunDevice, type TunOptions } from '../../src/link/node/tun.js';
import { type Packet, packetOf } from '../../src/packet.js';
import { kernelPing } from '../../tools/kernel-ping.js';
import {
  carries, echoOf, type Family, Inbox, ipHeaderLength, ipPacket, KERNEL, OURS, pattern, tcpSegment, udpDatagram,
} from './by-hand.js';
import { perform } from './scenario.js';

const ADDRESSES = [`${KERNEL[4]}/24`, `${KERNEL[6]}/64`];

function open(options: TunOptions = {}): { tun: TunDevice; inbox: Inbox } {
  const tun = openTun({ addresses: ADDRESSES, ...options });
  const inbox = new Inbox();
  tun.attach(inbox);
  return { tun, inbox };
}

const familyOf = (text: string | undefined): Family => (text === '6' ? 6 : 4);

/** What a test wants to know of a packet. The checksum is finished, so that a test can verify it. */
function observe(packet: Packet): Record<string, unknown> {
  const { start, length, checksum, checksumStart, checksumField, segmentSize } = packet;
  if (checksum === 'partial') completeChecksum(packet);
  return {
    bytes: hex(packet.bytes, start, packet.end), checksum, segmentSize, length,
    checksumStart: checksumStart - start, checksumField: checksumField - start, start, room: packet.bytes.length,
  };
}

/** A datagram from the kernel's stack. */
async function sendUdp(family: Family, to: string, port: number, payload: Uint8Array | string): Promise<void> {
  const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
  await new Promise<void>((resolve, reject) => socket.send(payload, port, to, (error) => (error ? reject(error) : resolve())));
  socket.close();
}

/** Datagrams of these lengths, one after the other. */
async function udpIn(family: string, offload: string, ...lengths: string[]): Promise<unknown> {
  const { tun, inbox } = open({ offload: offload === 'offload' });
  const seen: unknown[] = [];
  for (const length of lengths) {
    await sendUdp(familyOf(family), OURS[familyOf(family)], 9, pattern(Number(length)));
    seen.push(observe(await inbox.next(carries(familyOf(family), 17))));
  }
  tun.close();
  return { seen, offload: tun.offload };
}

/** The kernel pings us. `spoil` says what is done to the echoes. */
async function ping(family: string, bytes: string, spoil?: string): Promise<unknown> {
  const { tun, inbox } = open();
  inbox.answer = (packet) => {
    const echo = echoOf(packet);
    if (echo === null || spoil === 'silence') return false;
    if (spoil === 'change') exchange(echo.bytes, echo.end - 2);
    return tun.transmit(echo);
  };
  const outcome = await kernelPing(OURS[familyOf(family)], { bytes: Number(bytes), timeoutMs: spoil === 'silence' ? 200 : 2000 })
    .then((ms) => ({ ms }), (error: NetError) => ({ code: error.code, address: error.address }));
  tun.close();
  return outcome;
}

/** Exchange two words, which no checksum notices. */
function exchange(b: Uint8Array, at: number): void {
  const word = u16(b, at);
  setU16(b, at, u16(b, at - 2));
  setU16(b, at - 2, word);
}

/** The kernel connects to us, and we answer by hand. */
async function connected(family: Family, tun: TunDevice, inbox: Inbox): Promise<{ socket: Socket; syn: Packet; reply: Replier }> {
  const socket = connect(80, OURS[family]);
  const syn = await inbox.next(carries(family, 6));
  const at = syn.start + ipHeaderLength(family);
  const srcPort = u16(syn.bytes, at);
  const peerSeq = u32(syn.bytes, at + 4);
  // Near the wrap.
  let seq = 0xffff_fffe;
  const reply: Replier = (flags, payload, segmentSize = 0) => {
    const fields = { srcPort: 80, dstPort: srcPort, seq, ack: peerSeq + 1, flags, mss: flags === 0x12 ? MSS : 0 };
    seq += payload.length + (flags === 0x12 ? 1 : 0);
    return tun.transmit(ipPacket({
      from: OURS[family], to: KERNEL[family], protocol: 6, bytes: tcpSegment(fields, payload), segmentSize,
    }));
  };
  reply(0x12, new Uint8Array(0));
  await once(socket, 'connect');
  return { socket, syn, reply };
}

const MSS = 1400;

type Replier = (flags: number, payload: Uint8Array, segmentSize?: number) => boolean;

/** The SYN, and the first superpacket of what the kernel then says. */
async function tcpIn(family: string, offload?: string): Promise<unknown> {
  const { tun, inbox } = open({ offload: offload !== 'no' });
  const { socket, syn } = await connected(familyOf(family), tun, inbox);
  socket.write(pattern(40_000));
  const header = ipHeaderLength(familyOf(family)) + 20;
  const first = await inbox.next((packet) => carries(familyOf(family), 6)(packet) && packet.length > header);
  const seen = { syn: observe(syn), first: observe(first) };
  socket.destroy();
  tun.close();
  return seen;
}

/** We say 10,000 bytes in one superpacket, and the kernel's socket hears them. */
async function tcpOut(family: string): Promise<unknown> {
  const { tun, inbox } = open();
  const { socket, reply } = await connected(familyOf(family), tun, inbox);
  const sent = reply(0x18, pattern(10_000), 1000);
  const heard: Buffer[] = [];
  while (Buffer.concat(heard).length < 10_000) heard.push((await once(socket, 'data'))[0] as Buffer);
  socket.destroy();
  tun.close();
  return { sent, same: Buffer.compare(Buffer.concat(heard), pattern(10_000)) === 0 };
}

/** We send 7500 bytes as one UDP superpacket of 1000 each; the kernel's socket gets eight datagrams. */
async function udpOut(family: string): Promise<unknown> {
  const { tun } = open();
  const socket = createSocket(familyOf(family) === 4 ? 'udp4' : 'udp6');
  const heard: Buffer[] = [];
  socket.on('message', (message) => heard.push(message));
  await new Promise<void>((resolve) => socket.bind(5000, KERNEL[familyOf(family)], resolve));
  const bytes = udpDatagram(9, 5000, pattern(7500));
  const packet = ipPacket({ from: OURS[familyOf(family)], to: KERNEL[familyOf(family)], protocol: 17, bytes, segmentSize: 1000 });
  const sent = tun.transmit(packet);
  while (heard.length < 8) await once(socket, 'message');
  socket.close();
  tun.close();
  return { sent, lengths: heard.map((b) => b.length), same: Buffer.compare(Buffer.concat(heard), pattern(7500)) === 0 };
}

/**
 * A superpacket goes through the kernel from one device to another that takes none: what we said in the virtio header,
 * the kernel has then done.
 */
async function forwarded(family: string, protocol: string): Promise<unknown> {
  const { tun } = open();
  const other = open({ name: 'far0', offload: false, addresses: ['10.0.9.1/24', 'fd00:9::1/64'] });
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
  writeFileSync('/proc/sys/net/ipv6/conf/all/forwarding', '1');
  const tcp = protocol === 'tcp';
  const to = familyOf(family) === 4 ? '10.0.9.2' : 'fd00:9::2';
  // PSH and CWR: the one belongs to the last segment, the other to the first.
  const bytes = tcp
    ? tcpSegment({ srcPort: 80, dstPort: 4000, seq: 0xffff_ff00, ack: 7, flags: 0x98 }, pattern(2500))
    : udpDatagram(9, 5000, pattern(2500));
  tun.transmit(ipPacket({ from: OURS[familyOf(family)], to, protocol: tcp ? 6 : 17, bytes, segmentSize: 1000 }));
  const pieces: unknown[] = [];
  while (pieces.length < 3) pieces.push(observe(await other.inbox.next(carries(familyOf(family), tcp ? 6 : 17))));
  tun.close();
  other.tun.close();
  return pieces;
}

/** Two devices, two networks: each gets what is meant for it. */
async function two(): Promise<unknown> {
  const a = open();
  const b = open({ addresses: ['10.0.1.1/24', '10.0.2.1/24', 'fd00:1::1/64', 'fd00:2::1/64'], mtu: 1400 });
  const targets: [Family, string][] = [[4, '10.0.0.2'], [4, '10.0.1.2'], [4, '10.0.2.2'], [6, 'fd00:1::2'], [6, 'fd00:2::2']];
  const heard: Record<string, string> = {};
  for (const [family, to] of targets) {
    await sendUdp(family, to, 9, to);
    const inbox = to === '10.0.0.2' ? a.inbox : b.inbox;
    const packet = await inbox.next(carries(family, 17));
    heard[to] = Buffer.from(packet.bytes.subarray(packet.start + ipHeaderLength(family) + 8, packet.end)).toString();
  }
  const names = [a.tun.name, b.tun.name];
  const mtus = [a.tun.mtu, b.tun.mtu];
  a.tun.close();
  b.tun.close();
  return { heard, names, mtus };
}

/** On a TAP the kernel asks for our Ethernet address first. */
async function tap(family: string): Promise<unknown> {
  const linkAddress = Uint8Array.of(2, 0, 0, 0, 0, 7);
  const { tun, inbox } = open({ medium: 'ethernet', linkAddress });
  const v4 = familyOf(family) === 4;
  inbox.answer = (packet) => {
    const answer = v4 ? arpReply(packet, linkAddress) : advertisement(packet, linkAddress);
    return answer !== null && tun.transmit(answer);
  };
  const isUdp = (packet: Packet): boolean => {
    const type = u16(packet.bytes, packet.start + 12);
    return v4
      ? type === 0x0800 && packet.bytes[packet.start + 14 + 9] === 17
      : type === 0x86dd && packet.bytes[packet.start + 14 + 6] === 17;
  };
  await sendUdp(familyOf(family), OURS[familyOf(family)], 9, pattern(64));
  const frame = await inbox.next(isUdp);
  const seen = { ...observe(frame), linkAddress: hex(tun.linkAddress!), name: tun.name };
  // And back: the same frame, turned round, to the kernel's socket.
  const socket = createSocket(v4 ? 'udp4' : 'udp6');
  await new Promise<void>((resolve) => socket.bind(5000, KERNEL[familyOf(family)], resolve));
  const back = ipPacket({
    from: OURS[familyOf(family)], to: KERNEL[familyOf(family)], protocol: 17,
    bytes: udpDatagram(9, 5000, pattern(2500)), segmentSize: 1000,
  });
  const at = back.push(14);
  back.bytes.set(frame.bytes.subarray(frame.start + 6, frame.start + 12), at);
  back.bytes.set(linkAddress, at + 6);
  setU16(back.bytes, at + 12, v4 ? 0x0800 : 0x86dd);
  const heard: number[] = [];
  socket.on('message', (message) => heard.push(message.length));
  tun.transmit(back);
  while (heard.length < 3) await once(socket, 'message');
  socket.close();
  tun.close();
  return { ...seen, heard };
}

/** RFC 826: who has our address? We, at `linkAddress`. */
function arpReply(packet: Packet, linkAddress: Uint8Array): Packet | null {
  const b = packet.bytes.slice(packet.start, packet.end);
  if (u16(b, 12) !== 0x0806) return null;
  const target = b.slice(38, 42);
  b.copyWithin(0, 6, 12);
  b.copyWithin(32, 22, 32);
  b[21] = 2;
  b.set(linkAddress, 6);
  b.set(linkAddress, 22);
  b.set(target, 28);
  return packetOf(b);
}

/** RFC 4861 §4.4: the advertisement that a solicitation for our address asks for. */
function advertisement(packet: Packet, linkAddress: Uint8Array): Packet | null {
  const b = packet.bytes.slice(packet.start, packet.end);
  if (u16(b, 12) !== 0x86dd || b[20] !== 58 || b[54] !== 135) return null;
  const target = b.slice(62, 78);
  b.copyWithin(0, 6, 12);
  b.set(linkAddress, 6);
  b.copyWithin(38, 22, 38);
  b.set(target, 22);
  b[54] = 136;
  setU32(b, 58, 0x6000_0000);
  b[78] = 2;
  b.set(linkAddress, 80);
  setU16(b, 56, 0);
  // The sum over the addresses, the length, the protocol and the message. RFC 4443 §2.3.
  let sum = 58 + (b.length - 54);
  for (let i = 22; i < b.length; i += 2) sum += u16(b, i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  setU16(b, 56, ~sum & 0xffff);
  return packetOf(b);
}

/** The administrator deletes the interface under us: RTM_DELLINK, which is told of a link as RTM_NEWLINK is. */
function deleteLink(name: string): void {
  const linux = loadLinux();
  const inet = linux.socket(AF_INET, SOCK_DGRAM, 0);
  const request = requestFor(name);
  linux.control(inet, SIOCGIFINDEX, request);
  linux.close(inet);
  const message = upRequest(numberOf(request));
  message[4] = 17;
  const errno = change(linux, message);
  if (errno !== 0) throw new Error(`${name} cannot be deleted: errno ${errno}`);
}

async function deleted(how: string): Promise<unknown> {
  const { tun, inbox } = open();
  if (how === 'full') for (let i = 0; i < 200; i++) await sendUdp(4, OURS[4], 9, 'full');
  deleteLink(tun.name);
  const sent = tun.transmit(ipPacket({ from: OURS[4], to: KERNEL[4], protocol: 17, bytes: udpDatagram(9, 9, pattern(4)) }));
  const lostInTransmit = inbox.lostWith.length;
  while (inbox.lostWith.length === 0) await inbox.change();
  await new Promise((resolve) => setTimeout(resolve, 50));
  const again = tun.transmit(ipPacket({ from: OURS[4], to: KERNEL[4], protocol: 17, bytes: udpDatagram(9, 9, pattern(4)) }));
  tun.close();
  tun.close();
  const [error] = inbox.lostWith;
  return { sent, lostInTransmit, again, times: inbox.lostWith.length, code: error!.code, message: error!.message, refused: tun.refused };
}

/** Nothing but the device keeps this process alive, and then nothing does. */
async function closed(): Promise<unknown> {
  const { tun, inbox } = open();
  const before = exists(loadLinux(), tun.name);
  // From inside a batch, as an application may.
  inbox.answer = () => {
    tun.close();
    return true;
  };
  for (let i = 0; i < 5; i++) await sendUdp(4, OURS[4], 9, 'close');
  while (exists(loadLinux(), tun.name)) await new Promise((resolve) => setTimeout(resolve, 1));
  tun.close();
  tun.ref();
  tun.unref();
  const sent = tun.transmit(ipPacket({ from: OURS[4], to: KERNEL[4], protocol: 17, bytes: udpDatagram(9, 9, pattern(4)) }));
  return { before, sent, lost: inbox.lostWith.length, refused: tun.refused };
}

/** The application closes the device in the turn that finds it deleted: it knows, and is not told. */
async function closedWhenDeleted(): Promise<unknown> {
  const { tun, inbox } = open();
  let rests = 0;
  inbox.rest = () => {
    rests++;
    tun.close();
  };
  deleteLink(tun.name);
  while (rests === 0) await new Promise((resolve) => setImmediate(resolve));
  return { lost: inbox.lostWith.length };
}

/** A watch that is closed is dead: in native code its calls would crash. */
async function watching(): Promise<unknown> {
  const linux = loadLinux();
  const fd = linux.socket(AF_INET, SOCK_DGRAM, 0);
  const watch = linux.watch(fd, () => {});
  watch.close();
  watch.ref();
  watch.unref();
  watch.close();
  linux.close(fd);
  return {};
}

/** It is left open and attached, but need not keep the process alive. */
async function unreferenced(): Promise<unknown> {
  const { tun } = open();
  tun.unref();
  return {};
}

/** Nobody refers to the device but the loop, and the garbage is collected. */
async function collected(): Promise<unknown> {
  const inbox = new Inbox();
  openTun({ addresses: ADDRESSES }).attach(inbox);
  for (let i = 0; i < 5; i++) {
    (globalThis as unknown as { gc(): void }).gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await sendUdp(4, OURS[4], 9, 'still there');
  await inbox.next(carries(4, 17));
  setImmediate(() => process.exit());
  return { heard: true };
}

/** What a sink throws is an uncaught exception at once, and the next packet comes. */
async function throwing(): Promise<unknown> {
  const { tun, inbox } = open();
  const caught: string[] = [];
  process.on('uncaughtException', (error) => caught.push(error.message));
  let thrown = 0;
  inbox.answer = (packet) => {
    if (!carries(4, 17)(packet) || thrown > 0) return false;
    thrown++;
    throw new Error('from the sink');
  };
  await sendUdp(4, OURS[4], 9, 'first');
  while (caught.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await sendUdp(4, OURS[4], 9, 'second');
  await inbox.next(carries(4, 17));
  tun.close();
  return { caught };
}

/** A burst larger than one turn of reading. */
async function burst(): Promise<unknown> {
  const { tun, inbox } = open();
  const socket = createSocket('udp4');
  for (let i = 0; i < 300; i++) socket.send(Uint8Array.of(i >>> 8, i), 9, OURS[4]);
  const numbers: number[] = [];
  while (numbers.length < 300) {
    const packet = await inbox.next(carries(4, 17));
    numbers.push(u16(packet.bytes, packet.start + 28));
    packet.release();
  }
  socket.close();
  tun.close();
  return { inOrder: numbers.every((n, i) => n === i), batches: inbox.batches };
}

/** What the kernel does not take. */
async function refusals(): Promise<unknown> {
  const { tun } = open();
  const nonsense = tun.transmit(packetOf(Uint8Array.of(0xf0, 1, 2, 3)));
  const inet = loadLinux().socket(AF_INET, SOCK_DGRAM, 0);
  const SIOCSIFFLAGS = 0x8914;
  loadLinux().control(inet, SIOCSIFFLAGS, withFlags(tun.name, 0));
  const down = tun.transmit(ipPacket({ from: OURS[4], to: KERNEL[4], protocol: 17, bytes: udpDatagram(9, 9, pattern(4)) }));
  tun.close();
  return { nonsense, down, refused: tun.refused };
}

/** Attempts that must fail, and how they do. */
async function failures(): Promise<unknown> {
  const first = openTun({ name: 'mine0' });
  const attempts: Record<string, TunOptions> = {
    busy: { name: 'mine0' },
    foreign: { name: 'lo' },
    address: { addresses: ['10.0.0.1'] },
    mtu: { mtu: 70_000 },
    narrow: { mtu: 1000, addresses: ['fd00::1/64'] },
    long: { name: 'a-name-of-sixteen' },
  };
  const outcomes: Record<string, unknown> = {};
  for (const [what, options] of Object.entries(attempts)) outcomes[what] = failureOf(() => openTun(options));
  first.close();
  if (becomeNobody()) outcomes['nobody'] = failureOf(() => openTun());
  return outcomes;
}

/** Not where root is root in a user namespace only. */
function becomeNobody(): boolean {
  try {
    process.setuid?.(65_534);
    return true;
  } catch {
    return false;
  }
}

function failureOf(attempt: () => unknown): unknown {
  try {
    attempt();
    return 'it did not fail';
  } catch (error) {
    const { name, code, message, syscall } = error as NetError;
    return { name, code, message, syscall };
  }
}

/** A device that outlives us: what it has stays as it is, and it is still there when we are gone. */
async function persistent(): Promise<unknown> {
  const linux = loadLinux();
  const fd = linux.open('/dev/net/tun', O_RDWR);
  linux.control(fd, TUNSETIFF, withFlags('kept0', IFF_TUN | IFF_NO_PI));
  const TUNSETPERSIST = 0x400454cb;
  linux.controlValue(fd, TUNSETPERSIST, 1);
  setUp(linux, 'kept0', { mtu: 1350, addresses: [] });
  linux.close(fd);
  const { tun, inbox } = open({ name: 'kept0' });
  await sendUdp(4, OURS[4], 9, 'kept');
  await inbox.next(carries(4, 17));
  tun.close();
  const again = openTun({ name: 'kept0', addresses: ADDRESSES });
  again.close();
  return { mtu: tun.mtu, exists: exists(linux, 'kept0') };
}

/** Root has prepared everything: who has no privilege may ask for it as it is, and for nothing else. */
async function prepared(): Promise<unknown> {
  const linux = loadLinux();
  const { tun } = open({ mtu: 1350, txQueueLength: 700 });
  if (!becomeNobody()) return null;
  const addresses = ADDRESSES.map(prefixOf);
  const asItIs = setUp(linux, tun.name, { mtu: 1350, txQueueLength: 700, addresses });
  const others: Partial<KernelSide>[] = [
    { mtu: 1400 }, { txQueueLength: 800 }, { addresses: [prefixOf('10.0.0.1/25')] }, { addresses: [prefixOf('fd00::1/65')] },
  ];
  const outcomes = others.map((other) => failureOf(() => setUp(linux, tun.name, { addresses: [], ...other })));
  tun.close();
  return { asItIs, outcomes };
}

/** The kernel's addresses are its own as soon as the device is open. */
async function prompt(): Promise<unknown> {
  const linux = loadLinux();
  let late = 0;
  for (let i = 0; i < 30; i++) {
    const tun = openTun({ medium: i % 2 === 0 ? 'ip' : 'ethernet', addresses: ADDRESSES });
    if (!isLocal(linux, address(KERNEL[6])) || !isLocal(linux, address(KERNEL[4]))) late++;
    tun.close();
  }
  return { late };
}

/** Two queues of one device: a flow's packets come to one of them. */
async function queues(): Promise<unknown> {
  const a = open({ name: 'many0', multiQueue: true });
  const b = open({ name: 'many0', multiQueue: true });
  const sockets = Array.from({ length: 32 }, () => createSocket('udp4'));
  for (const socket of sockets) socket.send('flow', 9, OURS[4]);
  const count = (inbox: Inbox): number => inbox.packets.filter(carries(4, 17)).length;
  while (count(a.inbox) + count(b.inbox) < 32) await new Promise((resolve) => setTimeout(resolve, 1));
  for (const socket of sockets) socket.close();
  a.tun.close();
  b.tun.close();
  return { a: count(a.inbox), b: count(b.inbox) };
}

await perform({
  udpIn, ping, tcpIn, tcpOut, udpOut, forwarded, two, tap, deleted, closed, closedWhenDeleted, watching, unreferenced,
  collected, throwing, burst, refusals, failures, persistent, prepared, prompt, queues,
});
