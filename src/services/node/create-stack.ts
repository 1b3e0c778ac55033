// A stack for programs on Node, with the modules that Node has for its own: `stack.net` and `stack.dgram`.

import type dgramModule from 'node:dgram';
import type netModule from 'node:net';
import type { Driver } from '../../driver.js';
import type { NetError } from '../../errors.js';
import { type Configuration, readConfiguration } from '../../socket-api/node/configuration.js';
import { type ComposedHost, compose } from '../../socket-api/node/default-stack.js';
import { createDgram } from '../../socket-api/node/dgram.js';
import { createNet } from '../../socket-api/node/net.js';
import type { Stack } from '../../stack.js';

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

  constructor(private readonly host: ComposedHost) {
    this.stack = host.stack;
    this.driver = host.driver;
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
  return new NodeStack(compose(typeof configuration === 'string' ? readConfiguration(configuration) : configuration, onLost));
}
