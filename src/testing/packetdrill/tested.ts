// The one connection (or UDP socket) that a script's packets are about at a time, and how its numbers translate: as in
// packetdrill, whichever socket was last made, listened on and reached, or connected.

import type { TcpOption, TcpPacket } from './ast.js';
import type { Live } from './packets.js';

export class Tested {
  localPort: number | null = null;
  remotePort: number | null = null;
  /** A listening socket, or none: what arrives next begins a connection. */
  isOpen = false;
  /** The descriptor of the connection, for tcp_info; null: none yet. */
  fd: number | null = null;
  /** Our first sequence number, on the wire and in the script. */
  private liveIss: number | null = null;
  private scriptIss = 0;
  /** The peer's, which is the same in both. */
  irs = 0;
  /** What the script calls our TSvals, and what they are. */
  private readonly timestamps = new Map<number, number>();
  private firstTimestamp: { readonly script: number; readonly live: number } | null = null;

  constructor(readonly protocol: 6 | 17) {}

  private get offset(): number {
    return this.liveIss === null ? 0 : this.liveIss - this.scriptIss;
  }

  /** Is it from this socket? */
  owns(live: Live): boolean {
    if (live.event.kind === 'icmp') return true;
    if ((live.event.kind === 'tcp') !== (this.protocol === 6)) return false;
    return (this.localPort === null || live.ports.src === this.localPort) && (this.remotePort === null || live.ports.dst === this.remotePort);
  }

  /** A SYN of ours, expected as `script`: numbers count from here on. */
  learn(script: TcpPacket, live: Live): void {
    if (live.event.kind !== 'tcp' || !live.event.flags.includes('S')) return;
    this.liveIss = live.event.start;
    this.scriptIss = script.start;
    this.localPort ??= live.ports.src;
  }

  /** Where text begins, in the stream of what we sent: 0 is the first byte. Null: before any SYN. */
  sentOffset(liveStart: number): number | null {
    return this.liveIss === null ? null : (liveStart - this.liveIss - 1) >>> 0;
  }

  /** As it is on the wire. */
  toLive(p: TcpPacket): TcpPacket {
    const acked = (n: number): number => (n + this.offset) >>> 0;
    return {
      ...p,
      ack: p.ack === null ? null : p.flags.includes('.') || p.flags === '' ? acked(p.ack) : p.ack,
      options: (p.options ?? []).map((o): TcpOption => {
        if (o.name === 'sack') return { ...o, blocks: o.blocks.map(([from, to]) => [acked(from), acked(to)] as const) };
        return o.name === 'TS' && p.flags.includes('.') ? { ...o, ecr: this.liveTimestamp(o.ecr) } : o;
      }),
    };
  }

  /** A sequence number of ours, as an ICMP error quotes it. */
  liveSequence(n: number): number {
    return (n + this.offset) >>> 0;
  }

  /** As the script would write it, which counts from `origin`. */
  toScript(p: TcpPacket, origin: TcpPacket['origin']): TcpPacket {
    return {
      ...p,
      start: origin === 'wire' ? p.start : (p.start - this.offset) >>> 0,
      options: p.options!.map((o): TcpOption => (o.name === 'TS' ? { ...o, val: this.scriptTimestamp(o.val) } : o)),
    };
  }

  private liveTimestamp(ecr: number): number {
    const exact = this.timestamps.get(ecr);
    if (exact !== undefined) return exact;
    const first = this.firstTimestamp;
    return first === null ? ecr : (ecr - first.script + first.live) >>> 0;
  }

  private scriptTimestamp(val: number): number {
    const first = this.firstTimestamp;
    return first === null ? val : (val - first.live + first.script) >>> 0;
  }

  /** What the script calls the TSval of a segment that it expects. */
  noteTimestamp(script: TcpPacket, live: TcpPacket): void {
    const said = (p: TcpPacket): number | undefined => p.options?.flatMap((o) => (o.name === 'TS' ? [o.val] : []))[0];
    const [name, value] = [said(script), said(live)];
    if (name === undefined || value === undefined) return;
    this.firstTimestamp ??= { script: name, live: value };
    this.timestamps.set(name, value);
  }
}
