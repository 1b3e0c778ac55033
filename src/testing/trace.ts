// What was sent on a network, for people and for other programs: lines, a sequence diagram, a capture.

import { PcapWriter } from '../link/pcap.js';
import { socketTable } from './diagnosis.js';
import type { LoggedFrame, LogPort } from './frame-log.js';
import type { Network } from './network.js';
import type { PacketView } from './packet-view.js';

export interface TraceOptions {
  /** Only these. Default: all. */
  readonly only?: (frame: LoggedFrame) => boolean;
  /** Only the last so many. Default: all that are remembered. */
  readonly last?: number;
}

const FATES = {
  passed: '', dark: 'dark', 'too-big': 'too big', lost: 'lost', 'queue-full': 'queue full', dropped: 'dropped', held: 'held',
} as const;

export class Trace {
  constructor(private readonly network: Network) {}

  /** The frames that are remembered, from the eldest on. */
  frames(options: TraceOptions = {}): LoggedFrame[] {
    const frames = [...this.network.log].filter(options.only ?? (() => true));
    return options.last === undefined ? frames : frames.slice(-options.last);
  }

  /** A line for each: when, from whom to whom, what became of it if it did not arrive, and what tcpdump would say. */
  text(options: TraceOptions = {}): string {
    return this.frames(options).map((frame) => {
      const { time, port, view } = frame;
      return `${(time / 1000).toFixed(6)} ${port.from} > ${port.to}${said(frame)}: ${view.toString()}`;
    }).join('\n');
  }

  /** Mermaid's sequence diagram, TCP's numbers relative to each side's first. */
  diagram(options: TraceOptions = {}): string {
    const { last = 200, only = (): boolean => true } = options;
    const numbers = new RelativeNumbers();
    // Numbers are counted from the first of all, whichever are shown.
    const told = this.frames().map((frame) => ({ frame, words: brief(frame.view, numbers) })).filter(({ frame }) => only(frame)).slice(-last);
    const names = [...new Set(told.flatMap(({ frame: { port } }) => [port.from, port.to]))];
    const lines = told.map(({ frame, words }) => {
      const { port, fate, time } = frame;
      const arrow = fate === 'passed' ? '->>' : '--x';
      return `  ${id(port.from)}${arrow}${id(port.to)}: ${(time / 1000).toFixed(3)} ${words}${said(frame)}`;
    });
    return ['sequenceDiagram', ...names.map((name) => `  participant ${id(name)} as ${name}`), ...lines].join('\n');
  }

  /** A capture: an interface for each link, nanoseconds of the network's time, and a comment on what did not arrive. */
  pcapng(options: TraceOptions = {}): Uint8Array {
    const blocks: Uint8Array[] = [];
    const { network } = this;
    const writer = new PcapWriter((block) => blocks.push(block), { application: `wallsocket, ${network.replay}` });
    const interfaces = new Map<string, number>();
    for (const frame of this.frames(options)) {
      const { port, view, time } = frame;
      let index = interfaces.get(port.link);
      if (index === undefined) interfaces.set(port.link, index = writer.addInterface(port.link, port.medium, port.mtu));
      const comment = `${port.from} > ${port.to}${said(frame)}`;
      writer.frame(index, view.bytes, 0, view.bytes.length, time, isFirstEnd(network, port) ? 'out' : 'in', comment);
    }
    const whole = new Uint8Array(blocks.reduce((sum, block) => sum + block.length, 0));
    let at = 0;
    for (const block of blocks) {
      whole.set(block, at);
      at += block.length;
    }
    return whole;
  }

  /** Every host's sockets. */
  sockets(): string {
    return socketTable(this.network);
  }
}

const isFirstEnd = (network: Network, port: LogPort): boolean => network.log.ports.find(({ link }) => link === port.link) === port;

function said({ fate, comment }: LoggedFrame): string {
  const words = [FATES[fate], comment ?? ''].filter((word) => word !== '');
  return words.length === 0 ? '' : ` (${words.join(', ')})`;
}

/** What Mermaid takes for a name. */
const id = (name: string): string => name.replaceAll(/\W/g, '_');

/** Sequence numbers as packetdrill counts them: from each side's first. */
export class RelativeNumbers {
  private readonly first = new Map<string, number>();

  /** The segment's own number, and what it acknowledges. */
  of(view: PacketView): { readonly seq: number; readonly ack: number } {
    const { tcp } = view;
    const there = `${view.src}.${tcp!.srcPort} ${view.dst}.${tcp!.dstPort}`;
    const back = `${view.dst}.${tcp!.dstPort} ${view.src}.${tcp!.srcPort}`;
    if (tcp!.syn || !this.first.has(there)) this.first.set(there, tcp!.seq);
    if (!this.first.has(back)) return { seq: (tcp!.seq - this.first.get(there)!) >>> 0, ack: tcp!.isAck ? 1 : 0 };
    return {
      seq: (tcp!.seq - this.first.get(there)!) >>> 0,
      ack: tcp!.isAck ? (tcp!.ack - this.first.get(back)!) >>> 0 : 0,
    };
  }
}

/** A packet in few words, TCP as packetdrill says it. */
export function brief(view: PacketView, numbers: RelativeNumbers): string {
  const { tcp, udp, icmp } = view;
  if (tcp !== null) {
    const { seq, ack } = numbers.of(view);
    const end = seq + tcp.payload.length;
    return `${tcp.flags} ${seq}:${end}(${tcp.payload.length})${tcp.isAck ? ` ack ${ack}` : ''} win ${tcp.window}`;
  }
  if (udp !== null) return `udp ${udp.srcPort} > ${udp.dstPort} (${udp.payload.length})`;
  if (icmp !== null) return `icmp${view.family === 6 ? '6' : ''} ${icmp.type}/${icmp.code}`;
  // Mermaid ends a line at a semicolon and a note at a hash.
  return view.toString().replace(/^[\da-f:]+ > [\da-f:]+, /, '').replaceAll(/[;#]/g, ',');
}
