// A stack for programs on Node, with the modules that Node has for its own: `stack.net` and `stack.dgram`.

import type dgramModule from 'node:dgram';
import dns from 'node:dns';
import type netModule from 'node:net';
import type { Driver } from '../../driver.js';
import type { NetError } from '../../errors.js';
import { type Configuration, type DeviceConfiguration, type Nameserver, readConfiguration } from '../../socket-api/node/configuration.js';
import { type ComposedHost, compose } from '../../socket-api/node/default-stack.js';
import { createDgram } from '../../socket-api/node/dgram.js';
import { createNet } from '../../socket-api/node/net.js';
import type { Lookup } from '../../socket-api/node/host.js';
import type { Stack } from '../../stack.js';
import { familiesOf, lookupOver } from './dns/lookup.js';
import type { AnyFunction } from './dns/outcome.js';
import { StubResolver } from './dns/stub-resolver.js';

export interface NodeStackOptions {
  /** As the environment variable WALLSOCKET says it: `loopback` (the default), `tun:NAME,addr=…,gateway=…`, a JSON file. */
  readonly configuration?: string | Configuration;
  /** Told when the device is gone. Default: an error that nobody catches. */
  readonly onLost?: (error: NetError) => void;
}

/** A stack that is driven in real time, and lets the process end when no socket of it is open. */
export class NodeStack implements ComposedHost {
  readonly stack: Stack;
  readonly driver: Driver;
  private netOnce: typeof netModule | null = null;
  private dgramOnce: typeof dgramModule | null = null;

  /** As `dns.lookup`: by the configuration's servers, where it names some. */
  readonly lookup: Lookup | undefined;

  constructor(private readonly host: ComposedHost, device: DeviceConfiguration | null = null) {
    this.stack = host.stack;
    this.driver = host.driver;
    this.lookup = device?.nameservers?.length ? this.lookupFor(device, device.nameservers) : undefined;
  }

  private lookupFor(device: DeviceConfiguration, servers: readonly Nameserver[]): Lookup {
    const after = (ms: number, run: () => void): (() => void) => this.stack.after(ms, run);
    const resolver = new StubResolver({ net: this.net, dgram: this.dgram, after }, servers);
    return lookupOver({ resolver, families: familiesOf(device) }, dns.lookup as AnyFunction);
  }

  /** What `node:net` is to the kernel. */
  get net(): typeof netModule {
    return this.netOnce ??= createNet(this);
  }

  /** What `node:dgram` is to the kernel. */
  get dgram(): typeof dgramModule {
    return this.dgramOnce ??= createDgram(this);
  }

  /** Connections are closed as far as it goes at once, the device is closed, and the stack stands still. */
  close(): void {
    this.host.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** @throws ConfigurationError, NetError: what is wrong with the configuration, or with the device */
export function createStack(options: NodeStackOptions = {}): NodeStack {
  const { configuration = 'loopback', onLost } = options;
  const read = typeof configuration === 'string' ? readConfiguration(configuration) : configuration;
  return new NodeStack(compose(read, onLost), read.device);
}
