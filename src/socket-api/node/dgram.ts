// node:dgram on a stack of ours: the module as a value.

import type * as dgram from 'node:dgram';
import { DgramSocket } from './dgram-socket.js';
import type { Host } from './host.js';

type Dgram = typeof dgram;

/**
 * A module that is used as `node:dgram` is, whose sockets are `host`'s. Nothing is asked of the host before a socket takes
 * a name.
 */
export function createDgram(host: Host): Dgram {
  class Socket extends DgramSocket {
    constructor(type: dgram.SocketType | dgram.SocketOptions, listener?: (message: Buffer, from: dgram.RemoteInfo) => void) {
      super(host, type, listener);
    }
  }
  // A bundler may have called it otherwise.
  Object.defineProperty(Socket, 'name', { value: 'Socket' });
  // Programs have been seen to say `new` before it.
  function createSocket(...args: ConstructorParameters<typeof Socket>): Socket {
    return new Socket(...args);
  }
  // Node's declarations know a class with a hidden state of its own, which ours does not have.
  return { createSocket, Socket } as unknown as Dgram;
}
