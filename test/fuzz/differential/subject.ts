// What is put beside another: a TCP/IP stack with one address of each family, somebody who listens on TCP 80, and a UDP socket on 7.
// Its application does only what a step says.

import { SeededRandom } from '../../../src/random.js';
import { Stack } from '../../../src/stack.js';
import { address } from '../../../src/address.js';
import type { Device, FrameSink } from '../../../src/link/device.js';
import { NO_OFFLOAD } from '../../../src/link/device.js';
import { type Packet, packetOf } from '../../../src/packet.js';
import type { Connection } from '../../../src/tcp/connection.js';
import type { Listener } from '../../../src/tcp/listener.js';
import type { UdpEndpoint } from '../../../src/udp/endpoint.js';

export const LISTENING = 80;
export const BOUND = 7;
export const HOST = { 4: '10.0.0.2', 6: 'fd00::2' } as const;
export const PREFIX = { 4: 8, 6: 64 } as const;
export const MTU = 1500;

export interface Subject {
  /** An IP packet arrives. */
  hear(packet: Uint8Array): void;
  /** What left since the last time. */
  take(): Uint8Array[];
  /** The first connection that waits becomes the application's. @returns whether there was one */
  accept(): boolean;
  /** Up to `max` bytes; 'end', 'nothing', or an error's code. */
  read(max: number): Uint8Array | string;
  /** How many bytes were taken, or an error's code. */
  write(bytes: Uint8Array): number | string;
  shutdown(): void;
  /** Of the application's connection, by RFC 9293's names; what is over is CLOSED, TIME-WAIT or not. */
  state(): string;
  /** Datagrams that the UDP socket got. */
  datagrams(): Uint8Array[];
  /** A run is over: nothing of it stays. */
  end(): void;
}

/** This project's stack, at rest between steps; no time passes. */
export class Ours implements Subject {
  private stack!: Stack;
  private sink: FrameSink | null = null;
  private sent: Uint8Array[] = [];
  private listener!: Listener;
  private connection: Connection | null = null;
  private endpoints: UdpEndpoint[] = [];

  constructor(private readonly seed = 1) {
    this.begin();
  }

  private begin(): void {
    this.sent = [];
    this.connection = null;
    this.stack = new Stack({ random: new SeededRandom(this.seed), now: 1000, onApplicationError: (error) => {
      throw error;
    } });
    this.stack.clock = () => 1000;
    // No limit by time, for none passes: one step would tell of those before it.
    this.stack.icmp['errors']['limit'].pay = () => true;
    const device: Device = {
      name: 'here', medium: 'ip', mtu: MTU, linkAddress: null, offload: NO_OFFLOAD,
      attach: (sink) => {
        this.sink = sink;
      },
      transmit: (packet: Packet) => {
        this.sent.push(packet.bytes.slice(packet.start, packet.end));
        packet.release();
        return true;
      },
      close: () => {},
    };
    this.stack.addInterface(device, { addresses: [`${HOST[4]}/${PREFIX[4]}`, `${HOST[6]}/${PREFIX[6]}`] });
    this.listener = this.stack.tcp.listen({ port: LISTENING, quickAck: true, noDelay: true });
    this.endpoints = ([4, 6] as const).map((family) => {
      const endpoint = this.stack.udp.open({ family });
      endpoint.bind(address(HOST[family]), BOUND);
      return endpoint;
    });
  }

  hear(packet: Uint8Array): void {
    this.sink!.receive(packetOf(packet));
    this.sink!.batchEnd();
    this.settle();
  }

  private settle(): void {
    for (let polls = 0; polls < 1000; polls++) {
      this.stack.poll(1000);
      if (this.stack.nextTimeout() > 1000) return;
    }
    throw new Error('does not come to rest');
  }

  take(): Uint8Array[] {
    const { sent } = this;
    this.sent = [];
    return sent;
  }

  accept(): boolean {
    if (this.connection !== null) return false;
    this.connection = this.listener.accept();
    return this.connection !== null;
  }

  read(max: number): Uint8Array | string {
    const c = this.connection;
    const piece = c?.read(max) ?? null;
    this.settle();
    if (piece !== null) return piece;
    return c === null ? 'nothing' : c.error !== null ? c.error.code : c.ended ? 'end' : 'nothing';
  }

  write(bytes: Uint8Array): number | string {
    if (this.connection === null) return 0;
    try {
      return this.connection.write(bytes);
    } catch (error) {
      return (error as { code: string }).code;
    } finally {
      this.settle();
    }
  }

  shutdown(): void {
    this.connection?.shutdown();
    this.settle();
  }

  state(): string {
    const state = this.connection?.state ?? 'CLOSED';
    return state === 'TIME-WAIT' ? 'CLOSED' : state;
  }

  datagrams(): Uint8Array[] {
    const all: Uint8Array[] = [];
    for (const endpoint of this.endpoints) for (let got = endpoint.receive(); got !== null; got = endpoint.receive()) all.push(got.data);
    return all;
  }

  end(): void {
    this.begin();
  }
}
