// A packetdrill script as a tree. The notation is that of github.com/google/packetdrill: options, then events, each with
// a time: a packet, a system call, a shell line, or an assertion over struct tcp_info.

export interface Script {
  readonly file: string;
  readonly options: readonly Option[];
  readonly steps: readonly Step[];
}

/** `--tolerance_usecs=25000`. */
export interface Option {
  readonly name: string;
  readonly value: string;
}

export interface Step {
  /** Counted from 1. */
  readonly line: number;
  readonly time: Time;
  readonly event: Event;
}

/** Milliseconds; relative ones count from the moment when the step before was done. `to` ends a range. */
export interface Time {
  readonly kind: 'absolute' | 'relative' | 'any';
  readonly from: number;
  readonly to: number | null;
}

export type Event = PacketEvent | Syscall | Command | Code;

export type PacketEvent = TcpPacket | UdpPacket | IcmpPacket;

interface PacketHead {
  /** `<` arrives, `>` is to be sent. */
  readonly way: '<' | '>';
  readonly ip: IpInfo | null;
}

/** `[ect0]`, `(tos 0x10)`, `[ttl 5]`, `(flowlabel 0x12345)`. */
export interface IpInfo {
  readonly ecn: 'noecn' | 'ect0' | 'ect1' | 'ect01' | 'ce' | null;
  readonly tos: number | null;
  readonly ttl: number | null;
  readonly flowLabel: number | null;
}

export interface Ports {
  readonly src: number;
  readonly dst: number;
}

export interface TcpPacket extends PacketHead {
  readonly kind: 'tcp';
  readonly ports: Ports | null;
  /** Of `FSRPUEWA.` in the order as written; AccECN's counter (RFC 9768) stands behind, `P.5`; '' for none. */
  readonly flags: string;
  readonly start: number;
  /** Relative to the first sequence number; `0:0(0)!`: as on the wire; `...(0)`: any. */
  readonly origin: 'isn' | 'wire' | 'any';
  readonly length: number;
  readonly ack: number | null;
  readonly win: number | null;
  readonly urg: number | null;
  /** null: `<...>`, not looked at. */
  readonly options: readonly TcpOption[] | null;
}

export type TcpOption =
  | { readonly name: 'nop' | 'eol' | 'sackOK' }
  | { readonly name: 'mss' | 'wscale'; readonly value: number }
  | { readonly name: 'TS'; readonly val: number; readonly ecr: number }
  | { readonly name: 'sack'; readonly blocks: readonly (readonly [number, number])[] }
  /** Hexadecimal digits; '': the request for a cookie. */
  | { readonly name: 'FO' | 'FOEXP' | 'md5'; readonly hex: string }
  | { readonly name: 'ECN'; readonly counters: readonly (readonly ['e0b' | 'e1b' | 'ceb', number])[] };

export interface UdpPacket extends PacketHead {
  readonly kind: 'udp';
  readonly ports: Ports | null;
  /** Bytes of payload. */
  readonly length: number;
}

export interface IcmpPacket extends PacketHead {
  readonly kind: 'icmp';
  readonly type: string;
  readonly code: string | null;
  readonly mtu: number | null;
  readonly id: number | null;
  readonly echoed: Echoed | null;
}

/** The packet that an ICMP error quotes. */
export type Echoed =
  | { readonly protocol: 'tcp'; readonly start: number; readonly length: number }
  | { readonly protocol: 'udp' | 'raw'; readonly length: number };

export interface Syscall {
  readonly kind: 'syscall';
  /** A call that blocks: when it returns, ms, relative as the step's time is; null: at once. */
  readonly end: number | null;
  readonly name: string;
  readonly args: readonly Expression[];
  /** null: `?`, any. */
  readonly result: Expression | null;
  readonly errno: string | null;
}

export type Expression =
  | { readonly kind: 'ellipsis' }
  | { readonly kind: 'number'; readonly value: number; readonly hex: boolean }
  | { readonly kind: 'word'; readonly word: string }
  /** `open`: dots follow, "and so on". */
  | { readonly kind: 'string'; readonly text: string; readonly open: boolean }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[] }
  | { readonly kind: 'or'; readonly terms: readonly Expression[] }
  | { readonly kind: 'list'; readonly items: readonly Expression[] }
  | { readonly kind: 'struct'; readonly fields: readonly Field[] };

/** `msg_iov(1)=[…]`; a member without a name is only a value. */
export interface Field {
  readonly name: string | null;
  readonly size: Expression | null;
  readonly value: Expression;
}

export interface Command {
  readonly kind: 'command';
  readonly text: string;
}

export interface Code {
  readonly kind: 'code';
  readonly text: string;
}

/** Not packetdrill as we understand it. */
export class ScriptSyntaxError extends SyntaxError {
  constructor(readonly file: string, readonly line: number, what: string) {
    super(`${file}:${line}: ${what}`);
  }
}
