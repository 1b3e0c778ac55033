// Who must not hear whom: packets are refused where they arrive, by the addresses in them.

import { type Address, cell, parseAddress, refill16, refill4 } from '../address.js';
import { u16 } from '../bytes.js';
import type { Packet } from '../packet.js';
import type { Host } from './network-node.js';

interface Wall {
  readonly from: readonly Host[];
  readonly to: readonly Host[];
}

export class Partitions {
  private readonly walls: Wall[] = [];
  private readonly src = cell();

  get isEmpty(): boolean {
    return this.walls.length === 0;
  }

  /** @returns takes it down again */
  add(from: readonly Host[], to: readonly Host[]): () => void {
    const wall = { from, to };
    this.walls.push(wall);
    return () => void this.walls.splice(this.walls.indexOf(wall), 1);
  }

  /** Whether a packet that arrives at `host` comes from the other side. `at`: bytes of link header before it. */
  parts(host: Host, packet: Packet, at: number): boolean {
    const { src } = this;
    const b = packet.bytes;
    const from = packet.start + at;
    if (at > 0 && u16(b, from - 2) !== 0x0800 && u16(b, from - 2) !== 0x86dd) return false;
    if (b[from]! >>> 4 === 4) refill4(src, b, from + 12);
    else refill16(src, b, from + 8);
    return this.walls.some((wall) => wall.to.includes(host) && wall.from.some((other) => owns(other, src)));
  }
}

const owns = (host: Host, address: Address): boolean => host.addresses.some((text) => parseAddress(text)!.equals(address));
