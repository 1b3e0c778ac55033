// The port of a device that carries bare IP packets (TUN, loopback): no addresses, no neighbours, nothing to wait for.

import type { Address } from '../address.js';
import type { Packet } from '../packet.js';
import { NEVER } from '../time.js';
import { Coalescer } from './coalescer.js';
import type { Device } from './device.js';
import { Egress } from './egress.js';
import type { NetworkLayer, Port, PortEnvironment } from './link-output.js';

export interface IpPortOptions {
  /** Coalesce TCP segments of a batch on input, unless the device does. `flush` must follow each batch. Default false. */
  readonly coalesce?: boolean;
}

export class IpPort implements Port {
  private readonly egress: Egress;
  private readonly coalescer: Coalescer | null;

  constructor(
    device: Device,
    private readonly network: NetworkLayer,
    private readonly env: PortEnvironment,
    options: IpPortOptions = {},
  ) {
    this.egress = new Egress(device, env);
    const wanted = options.coalesce === true && !device.offload.tcpSegmentation;
    this.coalescer = wanted ? new Coalescer(network, env, device.name) : null;
  }

  input(packet: Packet, now: number): void {
    this.env.counters.rxPackets++;
    this.env.counters.rxBytes += packet.length;
    if (this.coalescer === null) this.network.input(packet, 'unicast', now);
    else this.coalescer.input(packet, 'unicast', now);
  }

  flush(now: number): void {
    this.coalescer?.flush(now);
  }

  send(packet: Packet, _nextHop: Address, _now: number): void {
    packet.network = packet.start;
    this.egress.send(packet);
  }

  confirm(_nextHop: Address, _now: number): void {}

  nextTimeout(): number {
    return NEVER;
  }

  expire(_now: number): void {}
}
