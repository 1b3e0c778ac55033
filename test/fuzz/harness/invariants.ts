// What holds of a stack after every step, whatever came: I1 – I6 by what its connections hold, I10 by its registry of limits, and
// of what it sends, the window's edge (I2) and the path's MTU (I7).

import { type Address, cell, refill16, refill4 } from '../../../src/address.js';
import type { Stack } from '../../../src/stack.js';
import type { Connection } from '../../../src/tcp/connection.js';
import { isSynchronized } from '../../../src/tcp/state.js';
import { NEVER } from '../../../src/time.js';
import { ensure } from './failure.js';
import { ACK, RST, type Seen, segmentOf, SYN } from './on-the-wire.js';

interface Before { c: Connection; nxt: number; edge: number; una: number; isKnown: boolean; buffer: number }

const CWND_MAX = 2 ** 31;

export class Invariants {
  /** All that were ever seen and have not ended yet: how they stood. One that slept is another object. */
  private readonly watched = new Map<string, Before>();
  /** The right edge that was told, by what left. */
  private readonly told = new WeakMap<Connection, number>();
  private readonly remote: Address = cell();

  constructor(private readonly stack: Stack) {}

  /** At rest: after a step. */
  check(): void {
    const { stack, watched } = this;
    for (const { name, max, used, unit } of stack.limits.all()) {
      if (unit !== 'per second') ensure(used() <= max, () => `I10: ${name} is ${used()} of ${max}`);
    }
    for (const c of stack.tcp.connections) {
      this.compare(c);
      checkConnection(c);
      c.check();
    }
    for (const [name, { c }] of watched) {
      if (c.state !== 'CLOSED' && c.state !== 'TIME-WAIT') continue;
      ensure(deadlineOf(c) === NEVER && (c['entry']?.deadline ?? NEVER) === NEVER, 'I6: a timer of a connection that is no more');
      watched.delete(name);
    }
    for (const listeners of stack.tcp['listeners'].values()) {
      for (const listener of listeners) ensure(listener.waitingCount <= listener.backlog, () => `I10: ${listener.waitingCount} wait to be accepted, of ${listener.backlog}`);
    }
    stack['wheel'].check();
    stack.ip.reassembly.check();
    stack.ip.pathMtu.check();
  }

  private compare(c: Connection): void {
    const name = `${c.remoteAddress.toString()} ${c.remotePort} ${c.localPort} ${c.iss}`;
    const before = this.watched.get(name);
    const state: Before = {
      c, nxt: c.rcv.nxt as number, edge: c.rcv.edge as number, una: c.snd.una as number, isKnown: isSynchronized(c.state), buffer: c.receiveBuffer,
    };
    this.watched.set(name, state);
    // What was offered may come, though the buffer has become smaller since.
    if (before !== undefined) state.buffer = Math.max(before.buffer, state.buffer);
    ensure(c.readable <= state.buffer, () => `I10: ${c.readable} bytes wait for the application, of ${state.buffer}`);
    // What comes before its first numbers are known says nothing.
    if (before === undefined || !before.isKnown || !state.isKnown) return;
    ensure(((state.nxt - before.nxt) | 0) >= 0, 'I2: RCV.NXT went back');
    ensure(((state.edge - before.edge) | 0) >= 0, 'I2: the right edge of the window went back');
    ensure(((state.una - before.una) | 0) >= 0, 'I1: SND.UNA went back');
  }

  /** A packet leaves, at `now`. */
  sent(seen: Seen, now: number): void {
    const { family, bytes, protocol, isFragment } = seen;
    if (family === 4) refill4(this.remote, bytes, 16);
    else refill16(this.remote, bytes, 24);
    // I7: no longer than the path takes, unless a router may cut it; or it is larger because it asks (RFC 4821 §7).
    const pathMtu = this.stack.ip.pathMtu.get(this.remote, now);
    const mayBeCut = family === 4 && (bytes[6]! & 0x40) === 0;
    const c = protocol === 6 && !isFragment ? this.senderOf(seen) : undefined;
    const isProbe = (c?.plpmtud?.probeSize ?? 0) > 0;
    ensure(bytes.length <= pathMtu || mayBeCut || isProbe, () => `I7: ${bytes.length} bytes on a path of ${pathMtu}`);
    if (c !== undefined && isSynchronized(c.state)) this.checkEdge(c, seen);
  }

  private senderOf({ bytes, at }: Seen): Connection | undefined {
    const [local, remote] = [bytes[at]! * 256 + bytes[at + 1]!, bytes[at + 2]! * 256 + bytes[at + 3]!];
    for (const c of this.stack.tcp.connections) if (c.localPort === local && c.remotePort === remote && c.remoteAddress.equals(this.remote)) return c;
    return undefined;
  }

  /** RFC 9293 SHLD-14; by less than the scaled field can say, it may seem to (RFC 7323 §2.4). */
  private checkEdge(c: Connection, seen: Seen): void {
    const { flags, ack, window } = segmentOf(seen);
    if ((flags & ACK) === 0 || (flags & (SYN | RST)) !== 0) return;
    const edge = (ack + (window << c.rcv.shift)) | 0;
    const before = this.told.get(c);
    this.told.set(c, edge);
    if (before !== undefined) ensure(((edge - before) | 0) > -(1 << c.rcv.shift), () => `I2: the window that is told shrinks by ${(before - edge) | 0}`);
  }
}

/** I1, I3, I4, I5 and I10 of a connection, beside what `Connection.check` says. */
function checkConnection(c: Connection): void {
  if (!isSynchronized(c.state)) return;
  // Looked at where they lie: to ask for them would make them.
  const { snd, rcv, scoreboard } = c;
  const timers = c['armed'];
  const congestion = c['controller'];
  const inFlight = (snd.nxt - snd.una) | 0;
  // A FIN counts; and a probe of a shut window is a byte beyond it.
  ensure(inFlight >= 0 && inFlight <= Math.max(snd.maxWnd, 1) + 1, () => `I1: ${inFlight} in flight, and never more than ${snd.maxWnd} offered`);
  let outstanding = 0;
  for (let i = 0; i < scoreboard.count; i++) outstanding += scoreboard.endOf(i) - scoreboard.startOf(i);
  ensure(outstanding === inFlight, () => `I3: ${inFlight} in flight, ${outstanding} in segments`);
  ensure(congestion === null || (congestion.cwnd >= congestion.smss && congestion.cwnd < CWND_MAX),
    () => `I4: a congestion window of ${congestion?.cwnd}, with segments of ${congestion?.smss}`);
  if (inFlight > 0 && !c.isReady) {
    ensure(timers !== null && Math.min(timers.retransmitAt, timers.rackAt, timers.persistAt) !== NEVER, 'I5: text in flight and no timer');
  }
  const next = deadlineOf(c);
  ensure(next === NEVER || (c['entry']?.deadline ?? NEVER) <= next, 'I5: a deadline that the wheel does not know');
  if (c.ackOwed && !c.isReady && !c.ackNow) ensure(timers !== null && timers.delayedAckAt !== NEVER, 'I5: an ACK is owed, and nothing reminds of it');
  const { assembler } = c;
  if (assembler === null) return;
  const kept = assembler['store']?.ends.at(-1) ?? 0;
  ensure(kept <= c.bytesReceived + ((rcv.edge - rcv.nxt) | 0), () => `I10: text is kept ${kept - c.bytesReceived} bytes ahead, in a window of ${(rcv.edge - rcv.nxt) | 0}`);
}

const deadlineOf = (c: Connection): number => c['armed']?.next() ?? NEVER;
