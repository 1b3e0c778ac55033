// The machine under test: a stack with one device, whose other end is the script, on a clock that the script moves.

import type { Address } from '../../address.js';
import { parseAddress } from '../../address.js';
import type { Device, FrameSink } from '../../link/device.js';
import { NO_OFFLOAD } from '../../link/device.js';
import { type Packet, packetOf } from '../../packet.js';
import { SeededRandom } from '../../random.js';
import { Stack } from '../../stack.js';
import { decode, type Live } from './packets.js';
import type { Settings } from './sysctl.js';

export interface HostOptions {
  readonly family: 4 | 6;
  readonly mtu: number;
  readonly settings: Settings;
  /** Text forms; default as packetdrill chooses. */
  readonly localAddress?: string;
  readonly remoteAddress?: string;
}

export class ScriptedHost implements Device {
  readonly name = 'script';
  readonly medium = 'ip';
  readonly mtu: number;
  readonly linkAddress = null;
  readonly offload = NO_OFFLOAD;
  readonly stack: Stack;
  readonly local: Address;
  readonly remote: Address;
  /** Milliseconds since the script began. */
  now = 0;
  /** What left and nobody has looked at yet. */
  readonly sent: Live[] = [];
  /** Whoever waits in a call tries again. */
  onProgress: () => void = () => {};
  private sink: FrameSink | null = null;

  constructor(options: HostOptions) {
    this.mtu = options.mtu;
    this.stack = new Stack({ random: new SeededRandom(1), tcp: options.settings });
    this.stack.clock = () => this.now;
    const is4 = options.family === 4;
    const local = options.localAddress ?? (is4 ? '192.168.0.1' : 'fd3d:fa7b:d17d::1');
    this.local = parseAddress(local)!;
    this.remote = parseAddress(options.remoteAddress ?? (is4 ? '192.0.2.1' : '2001:db8::1'))!;
    this.stack.addInterface(this, {
      addresses: [is4 ? `${local}/16` : `${local}/48`], gateway: is4 ? '192.168.0.254' : 'fd3d:fa7b:d17d::fe',
    });
  }

  attach(sink: FrameSink): void {
    this.sink = sink;
  }

  close(): void {
    this.sink = null;
  }

  transmit(packet: Packet): boolean {
    const live = decode(packet.bytes.slice(packet.start, packet.end), this.now);
    packet.release();
    if (live !== null) this.sent.push(live);
    return true;
  }

  receive(packet: Uint8Array): void {
    this.sink!.receive(packetOf(packet));
    this.sink!.batchEnd();
    this.settle();
  }

  /** Let time pass until the next thing is due, or until `at`. False: `at` has come. */
  wait(at: number): boolean {
    const next = this.stack.nextTimeout();
    this.now = Math.max(this.now, Math.min(next, at));
    if (next > at) return false;
    this.settle();
    return true;
  }

  advanceTo(at: number): void {
    while (this.wait(at));
  }

  settle(): void {
    for (let turn = 0; turn < 1000; turn++) {
      this.stack.poll(this.now);
      this.onProgress();
      if (this.stack.nextTimeout() > this.now) return;
    }
    throw new Error(`packetdrill: the stack does not come to rest at ${this.now} ms`);
  }
}
