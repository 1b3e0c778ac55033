// A NAT's table, and what it does to packets: many addresses inside appear as one outside. The four classic behaviours of RFC
// 3489 §5 in RFC 4787's terms (§4.1 mapping, §5 filtering); timeouts of RFC 4787 §4.3, RFC 5382 §5 and RFC 5508 §3.1; ICMP
// errors translated with what they quote (RFC 5508 §4). IPv4 alone.
//
// Checksums follow the words that change (RFC 3022 §4.1), so damage passes as damage. A fragment that overtakes the first of
// its datagram is dropped: departs from RFC 4787 REQ-14, which would have it wait.

import { i32, setU16, setU32, u16 } from '../bytes.js';
import { adjust, finish, sumBytes } from '../checksum.js';
import type { Random } from '../random.js';

/**
 * What decides the port outside, and who may answer to it. All but `symmetric` map an address and port inside to the same
 * port for every destination. `full-cone`: anybody may send to it. `restricted-cone`: the addresses that were sent to.
 * `port-restricted`: the addresses and ports. `symmetric`: a port for each destination, which alone may answer.
 */
export type NatKind = 'full-cone' | 'restricted-cone' | 'port-restricted' | 'symmetric';

export interface NatSettings {
  /** Default `port-restricted`: RFC 4787's mapping (REQ-1), and the filter of most homes. */
  readonly kind: NatKind;
  /** Without a packet from inside, ms. Default 5 min (RFC 4787 REQ-5 wants two at least). */
  readonly udpMs: number;
  /** Does a packet from outside keep it, too? Default false: RFC 4787 REQ-6 leaves it open. */
  readonly inboundRefreshes: boolean;
  /** Without a segment, ms. Default 2 h 4 min (RFC 5382 REQ-5). */
  readonly tcpMs: number;
  /** The same while a connection opens or when it has closed. Default 4 min. */
  readonly tcpTransitoryMs: number;
  /** Of a ping. Default 1 min (RFC 5508 REQ-2). */
  readonly icmpMs: number;
  /** Mappings; further ones are refused. Default 16,384. */
  readonly mappings: number;
  /** Does the port inside become the port outside, where it is free? Default true. */
  readonly preservesPorts: boolean;
}

export const NAT_SETTINGS: NatSettings = {
  kind: 'port-restricted', udpMs: 300_000, inboundRefreshes: false, tcpMs: 7_440_000, tcpTransitoryMs: 240_000, icmpMs: 60_000,
  mappings: 16_384, preservesPorts: true,
};

/** What one inside and one outside have with each other. */
interface Session {
  readonly address: number;
  readonly port: number;
  expiresAt: number;
  /** TCP: both directions have spoken beyond the SYN; who has said FIN: 1 inside, 2 outside. */
  isOpen: boolean;
  fins: number;
}

export interface Mapping {
  readonly protocol: number;
  /** As words. */
  readonly insideAddress: number;
  readonly insidePort: number;
  readonly outsidePort: number;
  readonly sessions: Map<string, Session>;
}

/** `refused`: the filter or the lack of room says no. `unmapped`: nobody inside has anything to do with it. */
export type Outcome = 'translated' | 'refused' | 'unmapped';

const ICMP = 1;
const TCP = 6;
const UDP = 17;
/** RFC 6335 §6: what is chosen, is chosen above the system's ports. */
const PORT_MIN = 1024;
const FRAGMENTS_MAX = 256;

export class Nat {
  readonly settings: NatSettings;
  /** By what is inside, and by what is outside. */
  private readonly inside = new Map<string, Mapping>();
  private readonly outside = new Map<string, Mapping>();
  /** Datagrams in pieces: what their first fragment became, and whom the others follow. */
  private readonly fragments = new Map<string, Mapping>();

  /** @param isTaken  whether the NAT itself uses that port */
  constructor(settings: Partial<NatSettings>, private readonly random: Random, private readonly isTaken: (protocol: number, port: number) => boolean) {
    this.settings = { ...NAT_SETTINGS, ...settings };
  }

  get mappings(): readonly Mapping[] {
    return [...this.inside.values()];
  }

  /** Everything is forgotten: the NAT was switched off and on. */
  forget(): void {
    this.inside.clear();
    this.outside.clear();
    this.fragments.clear();
  }

  /** A packet goes out, and is to look as if `external` had sent it. */
  outward(b: Uint8Array, at: number, end: number, external: number, now: number): Outcome {
    this.expire(now);
    const protocol = b[at + 9]!;
    const transport = at + (b[at]! & 15) * 4;
    const [src, dst] = [i32(b, at + 12), i32(b, at + 16)];
    if ((u16(b, at + 6) & 0x1fff) !== 0) return this.laterFragment(b, at, `> ${src} ${dst}`, at + 12, external);
    if (protocol === ICMP && isError(b[transport]!)) return this.errorOutward(b, at, transport, end, external);
    const ports = portsOf(b, transport, end, protocol);
    if (ports === null) return 'refused';
    const remotePort = protocol === ICMP ? 0 : ports.dst;
    const mapping = this.map(protocol, src, ports.src, dst, remotePort);
    if (mapping === null) return 'refused';
    this.touch(mapping, dst, remotePort, protocol === TCP ? b[transport + 13]! : -1, true, now);
    this.rememberFragment(b, at, `> ${src} ${dst}`, mapping);
    rewrite(b, at, at + 12, external, transport, protocol === ICMP ? transport + 4 : transport, mapping.outsidePort);
    return 'translated';
  }

  /** A packet comes in for the address outside, and is to go to whom it belongs inside. */
  inward(b: Uint8Array, at: number, end: number, now: number): Outcome {
    this.expire(now);
    const protocol = b[at + 9]!;
    const transport = at + (b[at]! & 15) * 4;
    const [src, dst] = [i32(b, at + 12), i32(b, at + 16)];
    if ((u16(b, at + 6) & 0x1fff) !== 0) return this.laterFragment(b, at, `< ${src} ${dst}`, at + 16, null);
    if (protocol === ICMP && isError(b[transport]!)) return this.errorInward(b, at, transport, end);
    const ports = portsOf(b, transport, end, protocol);
    // RFC 792: a question to us is ours; an answer bears the identifier of who asked.
    if (ports === null || (protocol === ICMP && b[transport] !== 0)) return 'unmapped';
    const mapping = this.outside.get(`${protocol} ${protocol === ICMP ? ports.src : ports.dst}`);
    if (mapping === undefined) return 'unmapped';
    const remotePort = protocol === ICMP ? 0 : ports.src;
    if (!this.lets(mapping, src, remotePort)) return 'refused';
    this.touch(mapping, src, remotePort, protocol === TCP ? b[transport + 13]! : -1, false, now);
    this.rememberFragment(b, at, `< ${src} ${dst}`, mapping);
    rewrite(b, at, at + 16, mapping.insideAddress, transport, protocol === ICMP ? transport + 4 : transport + 2, mapping.insidePort);
    return 'translated';
  }

  /** Whose port outside it is; null: nobody's. */
  find(protocol: number, outsidePort: number): Mapping | null {
    return this.outside.get(`${protocol} ${outsidePort}`) ?? null;
  }

  /** RFC 4787 §4.1: an old mapping, or a new one. Null: there is no room. */
  private map(protocol: number, address: number, port: number, remote: number, remotePort: number): Mapping | null {
    const key = this.insideKey(protocol, address, port, remote, remotePort);
    const known = this.inside.get(key);
    if (known !== undefined) return known;
    const outsidePort = this.inside.size < this.settings.mappings ? this.choosePort(protocol, port) : 0;
    if (outsidePort === 0) return null;
    const mapping = { protocol, insideAddress: address, insidePort: port, outsidePort, sessions: new Map<string, Session>() };
    this.inside.set(key, mapping);
    this.outside.set(`${protocol} ${outsidePort}`, mapping);
    return mapping;
  }

  private insideKey(protocol: number, address: number, port: number, remote: number, remotePort: number): string {
    const key = `${protocol} ${address} ${port}`;
    return this.settings.kind === 'symmetric' ? `${key} ${remote} ${remotePort}` : key;
  }

  /** RFC 4787 §4.2.1 and REQ-4 (parity). 0: none is free. */
  private choosePort(protocol: number, wanted: number): number {
    const isFree = (port: number): boolean => !this.outside.has(`${protocol} ${port}`) && !this.isTaken(protocol, port);
    if (this.settings.preservesPorts && isFree(wanted)) return wanted;
    const count = (65_536 - PORT_MIN) / 2;
    const first = this.random.below(count);
    for (let i = 0; i < count; i++) {
      const port = PORT_MIN + (((first + i) % count) * 2) + (wanted & 1);
      if (isFree(port)) return port;
    }
    return 0;
  }

  /** RFC 4787 §5. */
  private lets(mapping: Mapping, address: number, port: number): boolean {
    const { kind } = this.settings;
    if (kind === 'full-cone') return true;
    if (kind !== 'restricted-cone') return mapping.sessions.has(`${address} ${port}`);
    for (const session of mapping.sessions.values()) if (session.address === address) return true;
    return false;
  }

  /** Something was said, so it lives on. @param flags  TCP's; -1: it is not TCP */
  private touch(mapping: Mapping, address: number, port: number, flags: number, isOutward: boolean, now: number): void {
    const key = `${address} ${port}`;
    let session = mapping.sessions.get(key);
    if (session === undefined) {
      session = { address, port, expiresAt: now, isOpen: false, fins: 0 };
      mapping.sessions.set(key, session);
    } else if (flags < 0 && !isOutward && !this.settings.inboundRefreshes) {
      return;
    }
    session.expiresAt = now + (flags < 0 ? this.quietMs(mapping.protocol) : this.tcpMs(session, flags, isOutward));
  }

  private quietMs(protocol: number): number {
    return protocol === ICMP ? this.settings.icmpMs : this.settings.udpMs;
  }

  /** RFC 5382 §5: long when both have spoken, short before that, and after both FINs or a RST. */
  private tcpMs(session: Session, flags: number, isOutward: boolean): number {
    const [isFin, isSyn, isReset] = [(flags & 1) !== 0, (flags & 2) !== 0, (flags & 4) !== 0];
    if (isSyn && (flags & 16) === 0) {
      session.isOpen = false;
      session.fins = 0;
    } else if (isReset) {
      session.isOpen = false;
    } else if (!isSyn && session.fins !== 3) {
      session.isOpen = true;
    }
    if (isFin) session.fins |= isOutward ? 1 : 2;
    return session.isOpen && session.fins !== 3 ? this.settings.tcpMs : this.settings.tcpTransitoryMs;
  }

  private expire(now: number): void {
    for (const [key, mapping] of this.inside) {
      for (const [name, session] of mapping.sessions) if (session.expiresAt <= now) mapping.sessions.delete(name);
      if (mapping.sessions.size > 0) continue;
      this.inside.delete(key);
      this.outside.delete(`${mapping.protocol} ${mapping.outsidePort}`);
    }
  }

  // Fragments: RFC 3022 §6.3. Only the first names ports.

  private rememberFragment(b: Uint8Array, at: number, way: string, mapping: Mapping): void {
    if ((u16(b, at + 6) & 0x2000) === 0) return;
    // The eldest goes.
    if (this.fragments.size >= FRAGMENTS_MAX) this.fragments.delete(this.fragments.keys().next().value!);
    this.fragments.set(`${way} ${u16(b, at + 4)} ${b[at + 9]}`, mapping);
  }

  private laterFragment(b: Uint8Array, at: number, way: string, field: number, external: number | null): Outcome {
    const mapping = this.fragments.get(`${way} ${u16(b, at + 4)} ${b[at + 9]}`);
    if (mapping === undefined) return 'refused';
    rewrite(b, at, field, external ?? mapping.insideAddress, -1, -1, 0);
    return 'translated';
  }

  // ICMP errors: RFC 5508 §4. What they quote went the other way.

  private errorInward(b: Uint8Array, at: number, icmp: number, end: number): Outcome {
    const quote = icmp + 8;
    if (end - quote < 28 || !isSound(b, icmp, end)) return 'refused';
    const protocol = b[quote + 9]!;
    const inner = quote + (b[quote]! & 15) * 4;
    const field = protocol === ICMP ? inner + 4 : inner;
    if (field + 2 > end) return 'refused';
    const mapping = this.outside.get(`${protocol} ${u16(b, field)}`);
    if (mapping === undefined) return 'unmapped';
    rewrite(b, quote, quote + 12, mapping.insideAddress, inner, field, mapping.insidePort, end);
    sumIcmp(b, icmp, end);
    rewrite(b, at, at + 16, mapping.insideAddress, -1, -1, 0);
    return 'translated';
  }

  private errorOutward(b: Uint8Array, at: number, icmp: number, end: number, external: number): Outcome {
    const quote = icmp + 8;
    if (end - quote < 28 || !isSound(b, icmp, end)) return 'refused';
    const protocol = b[quote + 9]!;
    const inner = quote + (b[quote]! & 15) * 4;
    const field = protocol === ICMP ? inner + 4 : inner + 2;
    if (field + 2 > end) return 'refused';
    const [address, port] = [i32(b, quote + 16), u16(b, field)];
    const remotePort = protocol === ICMP ? 0 : u16(b, inner);
    const mapping = this.inside.get(this.insideKey(protocol, address, port, i32(b, quote + 12), remotePort));
    if (mapping === undefined) return 'refused';
    rewrite(b, quote, quote + 16, external, inner, field, mapping.outsidePort, end);
    sumIcmp(b, icmp, end);
    rewrite(b, at, at + 12, external, -1, -1, 0);
    return 'translated';
  }
}

/** RFC 792: of the types, the errors. */
const isError = (type: number): boolean => type === 3 || type === 4 || type === 5 || type === 11 || type === 12;

const isSound = (b: Uint8Array, icmp: number, end: number): boolean => sumBytes(b, icmp, end) === 0xffff;

function sumIcmp(b: Uint8Array, icmp: number, end: number): void {
  setU16(b, icmp + 2, 0);
  setU16(b, icmp + 2, finish(sumBytes(b, icmp, end)));
}

/** Ports of TCP and UDP, the identifier of a ping as both; null: it has none, or they are cut off. */
function portsOf(b: Uint8Array, transport: number, end: number, protocol: number): { src: number; dst: number } | null {
  if (protocol === ICMP) return end - transport < 8 ? null : { src: u16(b, transport + 4), dst: u16(b, transport + 4) };
  if (protocol !== TCP && protocol !== UDP) return null;
  return end - transport < 8 ? null : { src: u16(b, transport), dst: u16(b, transport + 2) };
}

/**
 * Another address, at `field`, and another port, and every checksum that covers them. RFC 3022 §4.1, RFC 1624.
 * @param transport  -1: the packet has no transport header
 * @param end        of what is there of it: a quote may be cut off before its checksum
 */
function rewrite(
  b: Uint8Array, at: number, field: number, address: number, transport: number, portField: number, port: number, end = b.length,
): void {
  const before = [u16(b, field), u16(b, field + 2)];
  setU32(b, field, address);
  const after = [u16(b, field), u16(b, field + 2)];
  let header = u16(b, at + 10);
  before.forEach((word, i) => { header = adjust(header, word, after[i]!); });
  setU16(b, at + 10, header);
  if (transport < 0) return;
  const oldPort = u16(b, portField);
  setU16(b, portField, port);
  const protocol = b[at + 9]!;
  const sumField = transport + (protocol === TCP ? 16 : protocol === UDP ? 6 : 2);
  if (sumField + 2 > end) return;
  let sum = u16(b, sumField);
  // RFC 768: zero says that there is none.
  if (protocol === UDP && sum === 0) return;
  sum = adjust(sum, oldPort, port);
  // ICMP has no pseudo-header (RFC 792).
  if (protocol !== ICMP) before.forEach((word, i) => { sum = adjust(sum, word, after[i]!); });
  setU16(b, sumField, protocol === UDP && sum === 0 ? 0xffff : sum);
}
