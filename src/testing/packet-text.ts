// One packet as one line, as tcpdump -n -S writes it where tcpdump is brief. For tests, traces and tools.
//
// It reads the bytes by itself and imports nothing of the stack: a second opinion on every format. Total: any bytes give
// a line, and what is cut off says so, `[|tcp]`. Nothing of a packet is shown but numbers and hexadecimal digits, so no
// terminal escape can be in it.

/**
 * `IP 10.0.0.2.80 > 10.0.0.1.51324: Flags [S.], seq 1, ack 2, win 65535, options [mss 1460], length 0`.
 *
 * Sequence numbers are absolute. A fragment says so at its end, as `(frag 7:1480@2960+)`: id, length, offset, and a plus
 * when more follow. An ICMP error shows the packet it quotes in brackets.
 */
export function packetText(b: Uint8Array, at: number, end: number, medium: 'ip' | 'ethernet'): string {
  const view = new View(b.subarray(at, end));
  return medium === 'ip' ? packet(view, 0) : frame(view);
}

function frame(v: View): string {
  if (v.length < 14) return `[|ether] ${v.length} bytes`;
  const addresses = `${v.mac(6)} > ${v.mac(0)}`;
  let type = v.u16(12);
  let payload = v.from(14);
  let tags = '';
  // IEEE 802.1Q: a tag stands in front of the type; two are usual at most.
  while ((type === 0x8100 || type === 0x88a8) && payload.length >= 4) {
    tags += ` vlan ${payload.u16(0) & 0xfff},`;
    type = payload.u16(2);
    payload = payload.from(4);
  }
  return `${addresses},${tags} ${frameContent(type, payload)}`;
}

function frameContent(type: number, v: View): string {
  if (type === 0x0800 || type === 0x86dd) return packet(v, 0);
  if (type === 0x0806) return arp(v);
  // IEEE 802.3: up to 1500 it is a length.
  return type <= 1500 ? `802.3, length ${type}` : `ethertype 0x${hexOf(type, 4)}, length ${v.length}`;
}

/** RFC 826. */
function arp(v: View): string {
  if (v.length < 28) return `[|arp] ${v.length} bytes`;
  const operation = v.u16(6);
  // Ethernet and IPv4, with addresses of six and four bytes.
  if (v.u16(0) !== 1 || v.u16(2) !== 0x0800 || v.u16(4) !== 0x0604) {
    return `ARP, hardware ${v.u16(0)}, protocol 0x${hexOf(v.u16(2), 4)}, operation ${operation}, length ${v.length}`;
  }
  const [sender, target] = [v.ipv4(14), v.ipv4(24)];
  const content =
    operation === 1 ? `Request who-has ${target}${v.isZero(18, 24) ? '' : ` (${v.mac(18)})`} tell ${sender}`
    : operation === 2 ? `Reply ${sender} is-at ${v.mac(8)}`
    : `operation ${operation}`;
  return `ARP, ${content}, length ${v.length}`;
}

/** @param depth  how many ICMP errors quote it; the quote inside a quoted error is not shown. */
function packet(v: View, depth: number): string {
  if (v.length === 0) return '[|ip] 0 bytes';
  const version = v.u8(0) >>> 4;
  if (version === 4) return ipv4(v, depth);
  return version === 6 ? ipv6(v, depth) : `IP version ${version}, length ${v.length}`;
}

/** RFC 791. */
function ipv4(v: View, depth: number): string {
  if (v.length < 20) return `IP [|ip] ${v.length} bytes`;
  const headerLength = (v.u8(0) & 15) * 4;
  if (headerLength < 20) return `IP bad header length ${headerLength}`;
  const total = v.u16(2);
  if (total < headerLength) return `IP bad total length ${total}`;
  if (v.length < headerLength) return `IP [|ip] ${v.length} bytes`;
  const field = v.u16(6);
  const piece: Piece = {
    offset: (field & 0x1fff) * 8, length: total - headerLength, more: (field & 0x2000) !== 0, id: v.u16(4),
  };
  return network('IP', v.ipv4(12), v.ipv4(16), v.u8(9), '', v.cut(headerLength, total), piece, depth);
}

/** RFC 8200. */
function ipv6(v: View, depth: number): string {
  if (v.length < 40) return `IP6 [|ip6] ${v.length} bytes`;
  let [next, at, names] = [v.u8(6), 40, ''];
  const total = 40 + v.u16(4);
  const piece: Piece = { offset: 0, length: 0, more: false, id: 0 };
  const whole = v.cut(0, total);
  // RFC 8200 §4.1: each header tells the next one's kind and, but for fragments, its own length.
  while (EXTENSIONS.has(next) && piece.offset === 0) {
    if (whole.length < at + 8) return `IP6 ${v.ipv6(8)} > ${v.ipv6(24)}: ${names}${EXTENSIONS.get(next)} [|ip6]`;
    const length = next === FRAGMENT ? 8 : next === AUTHENTICATION ? (v.u8(at + 1) + 2) * 4 : (v.u8(at + 1) + 1) * 8;
    if (next === FRAGMENT) {
      piece.offset = v.u16(at + 2) & 0xfff8;
      piece.more = (v.u8(at + 3) & 1) !== 0;
      piece.id = v.u32(at + 4);
      piece.length = total - at - 8;
    } else {
      names += `${EXTENSIONS.get(next)} `;
    }
    next = v.u8(at);
    at += length;
    if (at > total) return `IP6 ${v.ipv6(8)} > ${v.ipv6(24)}: ${names}bad extension length ${length}`;
  }
  return network('IP6', v.ipv6(8), v.ipv6(24), next, names, whole.from(at), piece, depth);
}

/** Where a packet's payload stands in the datagram. Offset 0 without more: it is all of it. */
interface Piece {
  offset: number;
  length: number;
  more: boolean;
  id: number;
}

function network(
  label: string, src: string, dst: string, protocol: number, extensions: string, v: View, piece: Piece, depth: number,
): string {
  const isFragment = piece.offset > 0 || piece.more;
  const fragment = isFragment ? ` (frag ${piece.id}:${piece.length}@${piece.offset}${piece.more ? '+' : ''})` : '';
  if (piece.offset > 0) return `${label} ${src} > ${dst}: ${extensions}${nameOf(protocol)}${fragment}`;
  const hasPorts = protocol === TCP || protocol === UDP || protocol === SCTP;
  const [from, to] = hasPorts && v.length >= 4 ? [`${src}.${v.u16(0)}`, `${dst}.${v.u16(2)}`] : [src, dst];
  return `${label} ${from} > ${to}: ${extensions}${transport(protocol, v, piece.more, depth)}${fragment}`;
}

function transport(protocol: number, v: View, isFirstOfMore: boolean, depth: number): string {
  if (protocol === TCP) return tcp(v);
  if (protocol === UDP) return udp(v, isFirstOfMore);
  if (protocol === ICMP) return icmp(v, depth);
  if (protocol === ICMPV6) return icmpv6(v, depth);
  if (protocol === SCTP) return sctp(v);
  return `${nameOf(protocol)}, length ${v.declared}`;
}

/** RFC 9293 §3.1. */
function tcp(v: View): string {
  // RFC 792: an ICMP error need quote no more than eight bytes.
  if (v.length >= 8 && v.length < 20) return `seq ${v.u32(4)}, [|tcp]`;
  if (v.length < 20) return '[|tcp]';
  const headerLength = (v.u8(12) >>> 4) * 4;
  if (headerLength < 20 || headerLength > v.declared) return `Flags [${flagsOf(v)}], bad header length ${headerLength}`;
  const length = v.declared - headerLength;
  const bits = v.u8(13);
  const seq = v.u32(4);
  const parts = [`Flags [${flagsOf(v)}]`];
  if (length > 0) parts.push(`seq ${seq}:${(seq + length) >>> 0}`);
  else if (bits & (SYN | FIN | RST)) parts.push(`seq ${seq}`);
  if (bits & ACK) parts.push(`ack ${v.u32(8)}`);
  parts.push(`win ${v.u16(14)}`);
  if (bits & URG) parts.push(`urg ${v.u16(18)}`);
  if (headerLength > 20) parts.push(`options [${tcpOptions(v.cut(20, headerLength))}]`);
  parts.push(`length ${length}`);
  return parts.join(', ');
}

/** As tcpdump orders them; `.` is ACK, `W` is CWR, `e` is AE (RFC 9768 and before it NS). */
function flagsOf(v: View): string {
  let text = '';
  for (const [bit, letter] of FLAGS) if (v.u8(13) & bit) text += letter;
  if (v.u8(12) & 1) text += 'e';
  return text === '' ? 'none' : text;
}

function tcpOptions(v: View): string {
  const texts: string[] = [];
  for (let at = 0; at < v.declared;) {
    if (at >= v.length) return [...texts, '[|tcp]'].join(',');
    const kind = v.u8(at);
    if (kind === 0 || kind === 1) {
      texts.push(kind === 0 ? 'eol' : 'nop');
      // RFC 9293 §3.2: what follows the end of the list is padding.
      if (kind === 0) break;
      at++;
      continue;
    }
    const length = at + 1 < v.length ? v.u8(at + 1) : 0;
    if (length < 2 || at + length > v.declared) return [...texts, `bad-option-${kind}`].join(',');
    if (at + length > v.length) return [...texts, '[|tcp]'].join(',');
    texts.push(tcpOption(kind, v.cut(at + 2, at + length)));
    at += length;
  }
  return texts.join(',');
}

function tcpOption(kind: number, v: View): string {
  const length = v.length;
  if (kind === 2 && length === 2) return `mss ${v.u16(0)}`;
  if (kind === 3 && length === 1) return `wscale ${v.u8(0)}`;
  if (kind === 4 && length === 0) return 'sackOK';
  if (kind === 5 && length > 0 && length % 8 === 0) return `sack ${length / 8} ${sackBlocks(v)}`;
  if (kind === 8 && length === 8) return `TS val ${v.u32(0)} ecr ${v.u32(4)}`;
  if (kind === 28 && length === 2) return `uto 0x${hexOf(v.u16(0), 4)}`;
  if (kind === 172 || kind === 174) return accEcn(kind - 172, v);
  if (kind === 34) return length === 0 ? 'tfo cookiereq' : `tfo cookie ${v.hex(0, length)}`;
  return length === 0 ? `unknown-${kind}` : `unknown-${kind} 0x${v.hex(0, length)}`;
}

/** RFC 9768 §3.2.3: what does not make a whole counter is padding. */
function accEcn(order: number, v: View): string {
  const names = order === 0 ? ['e0b', 'ceb', 'e1b'] : ['e1b', 'ceb', 'e0b'];
  const counters = names.slice(0, Math.floor(v.length / 3)).map((name, i) => ` ${name} ${v.u8(3 * i) * 0x1_0000 + v.u16(3 * i + 1)}`);
  return `accecn${order / 2}${counters.join('')}`;
}

function sackBlocks(v: View): string {
  let text = '';
  for (let at = 0; at < v.length; at += 8) text += `{${v.u32(at)}:${v.u32(at + 4)}}`;
  return text;
}

/** RFC 768. */
function udp(v: View, isFirstOfMore: boolean): string {
  if (v.length < 8) return '[|udp]';
  const length = v.u16(4);
  if (length >= 8 && (isFirstOfMore || length <= v.declared)) return `UDP, length ${length - 8}`;
  // RFC 2675 §4, and superpackets: zero says as long as the packet.
  return length === 0 ? `UDP, length ${v.declared - 8}` : `UDP, bad length ${length} in ${v.declared}`;
}

/** RFC 9260 §3: which chunks. */
function sctp(v: View): string {
  if (v.length < 12) return '[|sctp]';
  const chunks: string[] = [];
  for (let at = 12; at + 4 <= v.length;) {
    const length = v.u16(at + 2);
    chunks.push(SCTP_CHUNKS[v.u8(at)] ?? `chunk ${v.u8(at)}`);
    if (length < 4) break;
    at += (length + 3) & ~3;
  }
  return `SCTP [${chunks.join(', ')}], length ${v.declared}`;
}

/** RFC 792. */
function icmp(v: View, depth: number): string {
  if (v.length < 8) return 'ICMP [|icmp]';
  const [type, code] = [v.u8(0), v.u8(1)];
  const length = `length ${v.declared}`;
  const echo = `id ${v.u16(4)}, seq ${v.u16(6)}`;
  if (type === 0 || type === 8) return `ICMP echo ${type === 8 ? 'request' : 'reply'}, ${echo}, ${length}`;
  if (type === 13 || type === 14) return `ICMP time stamp ${type === 13 ? 'query' : 'reply'}, ${echo}, ${length}`;
  const quoted = v.from(8);
  const what =
    type === 3 ? icmpUnreachable(code, v.u16(6), quoted)
    : type === 4 ? 'source quench'
    : type === 5 ? `redirect ${quotedDst(quoted)} to ${['net', 'host', 'tos-net', 'tos-host'][code] ?? code} ${v.ipv4(4)}`
    : type === 11 ? ['time exceeded in-transit', 'ip reassembly time exceeded'][code] ?? `time exceeded, code ${code}`
    : type === 12 ? `parameter problem - byte ${v.u8(4)}, code ${code}`
    : null;
  if (what === null) return `ICMP type ${type}, code ${code}, ${length}`;
  return `ICMP ${what}, ${length}${quote(quoted, depth)}`;
}

function icmpUnreachable(code: number, mtu: number, quoted: View): string {
  const dst = quotedDst(quoted);
  switch (code) {
    case 0: return `net ${dst} unreachable`;
    case 1: return `host ${dst} unreachable`;
    case 2: return `${dst} protocol ${quoted.length >= 20 ? quoted.u8(9) : '?'} unreachable`;
    case 3: return `${dst} ${quotedPort(quoted)} unreachable`;
    case 4: return `${dst} unreachable - need to frag (mtu ${mtu})`;
    case 5: return `${dst} unreachable - source route failed`;
    case 9: return `net ${dst} unreachable - admin prohibited`;
    case 10: return `host ${dst} unreachable - admin prohibited`;
    case 13: return `host ${dst} unreachable - admin prohibited filter`;
    default: return `${dst} unreachable, code ${code}`;
  }
}

/** RFC 4443, 4861, 3810. */
function icmpv6(v: View, depth: number): string {
  if (v.length < 8) return 'ICMP6, [|icmp6]';
  const [type, code] = [v.u8(0), v.u8(1)];
  const length = `length ${v.declared}`;
  if (type < 128) {
    const quoted = v.from(8);
    const what =
      type === 1 ? `destination unreachable, ${icmpv6Unreachable(code, quoted)}`
      : type === 2 ? `packet too big, mtu ${v.u32(4)}`
      : type === 3 ? `time exceeded${code === 0 ? ' in-transit' : code === 1 ? ' (reassembly)' : ''} for ${quotedDst(quoted)}`
      : type === 4 ? `parameter problem, code ${code}, byte ${v.u32(4)}`
      : `type ${type}, code ${code}`;
    return `ICMP6, ${what}, ${length}${quote(quoted, depth)}`;
  }
  if (type === 128 || type === 129) {
    return `ICMP6, echo ${type === 128 ? 'request' : 'reply'}, id ${v.u16(4)}, seq ${v.u16(6)}, ${length}`;
  }
  const target = v.length >= 24 ? v.ipv6(8) : '[|icmp6]';
  const what =
    type === 133 ? 'router solicitation'
    : type === 134 ? `router advertisement, hop limit ${v.u8(4)}, lifetime ${v.u16(6)}s`
    : type === 135 ? `neighbor solicitation, who has ${target}`
    : type === 136 ? `neighbor advertisement, tgt is ${target}${flagWords(v.u8(4))}`
    : type === 137 ? `redirect, ${v.length >= 40 ? v.ipv6(24) : '[|icmp6]'} to ${target}`
    : MLD[type] !== undefined ? `multicast listener ${MLD[type]}${type < 133 ? ` ${target}` : `, ${v.u16(6)} group record(s)`}`
    : `type ${type}, code ${code}`;
  return `ICMP6, ${what}, ${length}`;
}

function icmpv6Unreachable(code: number, quoted: View): string {
  const dst = quotedDst(quoted);
  switch (code) {
    case 0: return `unreachable route ${dst}`;
    case 1: return `unreachable prohibited ${dst}`;
    case 2: return `beyond scope ${dst}`;
    case 3: return `unreachable address ${dst}`;
    case 4: return `unreachable port, ${dst} ${quotedPort(quoted)}`;
    default: return `code ${code} ${dst}`;
  }
}

/** RFC 4861 §4.4: the R, S and O bits. */
function flagWords(bits: number): string {
  const words = [bits & 0x80 ? 'router' : '', bits & 0x40 ? 'solicited' : '', bits & 0x20 ? 'override' : ''];
  const set = words.filter((word) => word !== '');
  return set.length === 0 ? '' : ` (${set.join(', ')})`;
}

function quote(v: View, depth: number): string {
  return v.length === 0 || depth > 0 ? '' : ` [${packet(v, depth + 1)}]`;
}

/** Whom the quoted packet was for, in either family. */
function quotedDst(v: View): string {
  if (v.length >= 20 && v.u8(0) >>> 4 === 4) return v.ipv4(16);
  return v.length >= 40 && v.u8(0) >>> 4 === 6 ? v.ipv6(24) : '?';
}

function quotedPort(v: View): string {
  const isV4 = v.length >= 20 && v.u8(0) >>> 4 === 4;
  if (!isV4 && v.length < 40) return 'port ?';
  const protocol = v.u8(isV4 ? 9 : 6);
  const at = isV4 ? (v.u8(0) & 15) * 4 : 40;
  const port = v.length >= at + 4 ? v.u16(at + 2) : '?';
  if (protocol === TCP || protocol === UDP) return `${nameOf(protocol)} port ${port}`;
  return `protocol ${protocol} port ${port}`;
}

/** Bytes from an offset of their own, big-endian. Nobody reads past `length`: callers ask first. */
class View {
  constructor(
    private readonly b: Uint8Array,
    /** As long as the header in front said it would be; `length` is less when the capture or the quote was cut. */
    readonly declared = b.length,
  ) {}

  get length(): number {
    return this.b.length;
  }

  from(at: number): View {
    return new View(this.b.subarray(at), Math.max(0, this.declared - at));
  }

  /** From `at` to `end` as declared: shorter where the bytes end before, without what follows where they do not. */
  cut(at: number, end: number): View {
    return new View(this.b.subarray(at, end), end - at);
  }

  u8(at: number): number {
    return this.b[at]!;
  }

  u16(at: number): number {
    return this.b[at]! * 0x100 + this.b[at + 1]!;
  }

  u32(at: number): number {
    return this.u16(at) * 0x10000 + this.u16(at + 2);
  }

  isZero(at: number, end: number): boolean {
    return this.b.subarray(at, end).every((byte) => byte === 0);
  }

  hex(at: number, end: number): string {
    return Array.from(this.b.subarray(at, end), (byte) => hexOf(byte, 2)).join('');
  }

  mac(at: number): string {
    return Array.from(this.b.subarray(at, at + 6), (byte) => hexOf(byte, 2)).join(':');
  }

  ipv4(at: number): string {
    return this.b.subarray(at, at + 4).join('.');
  }

  /** RFC 5952 §4: lower case, and the first longest run of two zero words or more becomes `::`. */
  ipv6(at: number): string {
    const words = Array.from({ length: 8 }, (_, i) => this.u16(at + 2 * i));
    let [best, bestLength] = [0, 1];
    for (let i = 0; i < 8; i++) {
      let length = 0;
      while (words[i + length] === 0) length++;
      if (length > bestLength) [best, bestLength] = [i, length];
    }
    const text = (from: number, to?: number): string => words.slice(from, to).map((w) => w.toString(16)).join(':');
    // RFC 5952 §5, of the prefixes known to embed an IPv4 address: ::ffff:0:0/96.
    if (best === 0 && bestLength === 5 && words[5] === 0xffff) return `::ffff:${this.ipv4(at + 12)}`;
    return bestLength > 1 ? `${text(0, best)}::${text(best + bestLength)}` : text(0);
  }
}

const hexOf = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

const ICMP = 1;
const TCP = 6;
const UDP = 17;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const ICMPV6 = 58;
const SCTP = 132;

function nameOf(protocol: number): string {
  return PROTOCOLS.get(protocol) ?? `ip-proto-${protocol}`;
}

const PROTOCOLS = new Map([
  [ICMP, 'icmp'], [2, 'igmp'], [4, 'ipip'], [TCP, 'tcp'], [UDP, 'udp'], [41, 'ipv6'], [47, 'gre'], [50, 'esp'],
  [ICMPV6, 'icmp6'], [59, 'no next header'], [SCTP, 'sctp'],
]);

/** RFC 8200 §4: hop-by-hop, routing, fragment, authentication, destination options; RFC 6275 mobility. */
const EXTENSIONS = new Map([
  [0, 'HBH'], [43, 'RT'], [FRAGMENT, 'frag'], [AUTHENTICATION, 'AH'], [60, 'DSTOPT'], [135, 'mobility'],
]);

const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;
const URG = 32;
const FLAGS = [
  [FIN, 'F'], [SYN, 'S'], [RST, 'R'], [8, 'P'], [ACK, '.'], [URG, 'U'], [64, 'E'], [128, 'W'],
] as const;

const MLD: Readonly<Record<number, string>> = { 130: 'query', 131: 'report', 132: 'done', 143: 'report v2' };

/** RFC 9260 §3.2, by number. */
const SCTP_CHUNKS = [
  'DATA', 'INIT', 'INIT ACK', 'SACK', 'HEARTBEAT', 'HEARTBEAT ACK', 'ABORT', 'SHUTDOWN', 'SHUTDOWN ACK', 'ERROR',
  'COOKIE ECHO', 'COOKIE ACK', 'ECNE', 'CWR', 'SHUTDOWN COMPLETE',
];
