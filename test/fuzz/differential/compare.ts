// One plan, two stacks, step by step: where they first do something else, and whether somebody has said why.

import { encodePacket, type IpPacket, type TcpOption } from '../../../src/arbitraries.js';
import { ipOf } from '../harness/packets.js';
import { DEPARTURES } from './departures.js';
import { Reader } from './reaction.js';
import type { Plan, SegmentStep, Step } from './steps.js';
import { HOST, LISTENING, MTU, type Subject } from './subject.js';

export interface Difference {
  /** What was done, up to the step that tells them apart. */
  readonly steps: readonly Step[];
  readonly theirs: readonly string[];
  readonly ours: readonly string[];
  readonly common: readonly string[];
  /** The name of what is known to be different; null: nobody has said why. */
  readonly departure: string | null;
}

export const PEER_PORT = 40_000;
const FIRST_STAMP = 1_000_000;

/** The peer's stream. */
const byteAt = (offset: number): number => Math.imul(offset + 1, 0x9e37_79b1) >>> 24;

/** A stack, and what we must remember of it. */
class Side {
  private readonly reader: Reader;
  private isAccepted = false;
  private isOver = false;
  private written = 0;
  /** What a read was told behind text: said once by one, again and again by the other. */
  private pending: string | null = null;

  constructor(private readonly subject: Subject, private readonly plan: Plan, private readonly peer: string) {
    this.reader = new Reader(plan.irs);
  }

  /** What it does, on the wire and to its application. */
  perform(step: Step): string[] {
    const { subject } = this;
    const told: string[] = [];
    switch (step.kind) {
      case 'segment': subject.hear(this.segment(step)); break;
      case 'packet': subject.hear(step.bytes); break;
      case 'read':
        if (!this.isOver) {
          const got = this.gather(step.max);
          told.push(`read ${typeof got === 'string' ? got : `${got.length} bytes ${sumOf(got)}`}`);
          // An error is told once by one, again and again by the other.
          this.isOver = typeof got === 'string' && got !== 'nothing';
        }
        break;
      case 'write': {
        if (this.isOver || this.pending !== null) break;
        const took = subject.write(Uint8Array.from({ length: step.length }, (_, i) => byteAt(7 + this.written + i)));
        if (typeof took === 'number') this.written += took;
        else this.isOver = true;
        told.push(`wrote ${took}`);
        break;
      }
      case 'shutdown': subject.shutdown(); break;
    }
    if (!this.isAccepted && subject.accept()) {
      this.isAccepted = true;
      told.push('accepted');
    }
    if (this.isAccepted) told.push(subject.state());
    for (const datagram of subject.datagrams()) told.push(`datagram ${datagram.length} bytes ${sumOf(datagram)}`);
    return [...told, ...this.reader.read(subject.take(), MTU, step.kind === 'packet')];
  }

  /** As much as there is: how many calls that takes is its own affair. */
  private gather(max: number): Uint8Array | string {
    const all: number[] = [];
    const { pending } = this;
    this.pending = null;
    if (pending !== null) return pending;
    while (all.length < max) {
      const got = this.subject.read(max - all.length);
      if (typeof got === 'string') {
        if (all.length === 0) return got;
        this.pending = got === 'nothing' ? null : got;
        break;
      }
      all.push(...got);
    }
    return Uint8Array.from(all);
  }

  private segment({ flags, at, ack, length, window, urgent, options, stamp }: SegmentStep): Uint8Array {
    const { reader, plan: { irs, family } } = this;
    const stamps: TcpOption[] = stamp === null ? [] : [{ kind: 'timestamps', value: (FIRST_STAMP + stamp) >>> 0, echo: reader.stamp }];
    return encodePacket({ ...ipOf(family, {
      kind: 'tcp', options: [...options, ...stamps], payload: Uint8Array.from({ length }, (_, i) => byteAt(at + i)), sourcePort: PEER_PORT, destinationPort: LISTENING,
      seq: (irs + at) >>> 0, ack: ack === null ? 0 : ((reader.iss ?? 0) + ack) >>> 0, flags, window, urgent, checksumOff: 0,
    }), source: this.peer, destination: HOST[family] } as IpPacket);
  }
}

const sumOf = (bytes: Uint8Array): number => bytes.reduce((sum, byte, i) => (sum + byte * (i + 1)) % 65_521, 0);

/**
 * Both hear the same.
 * @param onDeparture  told of each that does not end the run
 * @returns            null: they do the same to the end
 */
export function compare(plan: Plan, peer: string, theirs: Subject, ours: Subject, onDeparture: (name: string) => void = () => {}): Difference | null {
  const [a, b] = [new Side(theirs, plan, peer), new Side(ours, plan, peer)];
  try {
    for (const [i, step] of plan.steps.entries()) {
      const [one, other] = [a.perform(step), b.perform(step)];
      const difference = {
        steps: plan.steps.slice(0, i + 1), theirs: one.filter((line) => !other.includes(line)), ours: other.filter((line) => !one.includes(line)),
        common: one.filter((line) => other.includes(line)),
      };
      if (difference.theirs.length + difference.ours.length === 0) continue;
      const departure = DEPARTURES.find((each) => each.covers(difference)) ?? null;
      if (departure === null || !departure.goesOn) return { ...difference, departure: departure?.name ?? null };
      onDeparture(departure.name);
    }
    return null;
  } finally {
    theirs.end();
    ours.end();
  }
}
