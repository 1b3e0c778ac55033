// A switch: frames go to the port behind which their receiver spoke last, and to all others while nobody knows. IEEE
// 802.1D-2004 §7.7 (filtering), §7.8 (learning), §7.9 (the database). No spanning tree: a loop of switches is a storm.

import { u16, u32 } from '../bytes.js';
import { type Packet, PacketPool } from '../packet.js';
import type { Device } from './device.js';
import * as Wire from './wire.js';

/** IEEE 802.1D-2004, table 7-5. */
const AGEING_MS = 300_000;

export interface SwitchOptions {
  /** The time, ms. */
  readonly clock: () => number;
  /** Addresses that are remembered; further ones are flooded to. Default 16,384. */
  readonly addresses?: number;
  /** How long an address that does not speak is remembered, ms. Default five minutes. */
  readonly ageingMs?: number;
}

interface Entry {
  port: SwitchPort;
  heardAt: number;
}

export interface SwitchPort {
  readonly device: Device;
}

export class Switch {
  readonly ports: SwitchPort[] = [];
  /** Frames that came, went to one port, went to all, and went nowhere. */
  readonly tally = { received: 0, forwarded: 0, flooded: 0, filtered: 0 };
  private readonly table = new Map<number, Entry>();
  private readonly pool = new PacketPool();
  private readonly clock: () => number;
  private readonly addressesMax: number;
  private readonly ageingMs: number;

  constructor(options: SwitchOptions) {
    this.clock = options.clock;
    this.addressesMax = options.addresses ?? 16_384;
    this.ageingMs = options.ageingMs ?? AGEING_MS;
  }

  /** A cable is plugged in: its end, a device of frames. */
  connect(device: Device): SwitchPort {
    const port: SwitchPort = { device };
    this.ports.push(port);
    device.attach({
      receive: (frame) => this.receive(port, frame),
      batchEnd: () => {},
      lost: () => this.forget(port),
    });
    return port;
  }

  /** It is pulled out again. */
  disconnect(port: SwitchPort): void {
    this.forget(port);
    port.device.close();
  }

  /** Addresses that are known, of those that have spoken lately. */
  get size(): number {
    return this.table.size;
  }

  /** Ownership passes. */
  private receive(from: SwitchPort, frame: Packet): void {
    const { tally } = this;
    const { bytes: b, start: at, end } = frame;
    tally.received++;
    // A group speaks to nobody.
    if (!Wire.isWellFormed(b, at, end) || Wire.isGroup(b, Wire.source(at))) return this.filter(frame);
    const now = this.clock();
    this.learn(keyOf(b, Wire.source(at)), from, now);
    if (Wire.isGroup(b, at)) {
      // §7.12.6: 01-80-C2-00-00-00 to -0F are the neighbour's affair, and go no further.
      if (u32(b, at) === 0x0180_c200 && (u16(b, at + 4) & 0xfff0) === 0) return this.filter(frame);
      return this.flood(from, frame);
    }
    const known = this.table.get(keyOf(b, at));
    if (known === undefined || now - known.heardAt >= this.ageingMs) return this.flood(from, frame);
    if (known.port === from) return this.filter(frame);
    tally.forwarded++;
    known.port.device.transmit(frame);
  }

  /** §7.8: where a source speaks, it is. */
  private learn(key: number, port: SwitchPort, now: number): void {
    const known = this.table.get(key);
    if (known !== undefined) {
      known.port = port;
      known.heardAt = now;
      return;
    }
    if (this.table.size >= this.addressesMax) this.age(now);
    // §7.8 (c): no room, nothing learnt; its frames are flooded.
    if (this.table.size < this.addressesMax) this.table.set(key, { port, heardAt: now });
  }

  private age(now: number): void {
    for (const [key, { heardAt }] of this.table) if (now - heardAt >= this.ageingMs) this.table.delete(key);
  }

  /** One frame for all, where a port's device can share it: with a thousand ports, copies are a storm of memory. */
  private flood(from: SwitchPort, frame: Packet): void {
    const { ports, tally } = this;
    tally.flooded++;
    for (const port of ports) {
      if (port === from) continue;
      if (port.device.transmitShared === undefined) port.device.transmit(this.copyOf(frame));
      else port.device.transmitShared(frame);
    }
    frame.release();
  }

  private filter(frame: Packet): void {
    this.tally.filtered++;
    frame.release();
  }

  private copyOf(frame: Packet): Packet {
    const copy = this.pool.take(frame.length);
    copy.bytes.set(frame.bytes.subarray(frame.start, frame.end), copy.start);
    copy.end = copy.start + frame.length;
    copy.network = copy.start + 14;
    return copy;
  }

  private forget(port: SwitchPort): void {
    const at = this.ports.indexOf(port);
    if (at >= 0) this.ports.splice(at, 1);
    for (const [key, entry] of this.table) if (entry.port === port) this.table.delete(key);
  }
}

/** Six bytes as one whole number. */
const keyOf = (b: Uint8Array, at: number): number => (u32(b, at) >>> 0) * 0x1_0000 + u16(b, at + 4);
