// The two ends that a client and a server meet on: both of them ours, over a line in memory that is bad; or one of them ours,
// on a TUN, and the other the kernel's, through Node's own `net`.

import { once } from 'node:events';
import kernelNet from 'node:net';
import { createNet, createStack } from '../../dist/node.js';
import { createNetwork } from '../../dist/testing.js';

/** One way, and of the packets of each direction. */
export const BAD_LINE = { delayMs: 20, loss: 0.01 };

/** A server's `net` and a client's, and what is open between them for one scenario. */
class Ends {
  #opened = [];

  /** `address` is the server's. `tally` tells what the line did so far: { packets, lost }. */
  constructor(server, client, address, tally) {
    Object.assign(this, { server, client, address, tally });
  }

  /** Somebody who takes connections, each by `take`, there. @returns its port */
  async serve(take, address = this.address) {
    const server = this.server.createServer(take);
    server.on('connection', (socket) => this.#opened.push(socket));
    server.listen(0, address);
    this.#opened.push(server);
    await once(server, 'listening');
    return server.address().port;
  }

  /** A connection that is under way, for libraries that are handed one. */
  connect(port, options) {
    const socket = this.client.connect({ ...options, port, host: this.address });
    this.#opened.push(socket);
    return socket;
  }

  /** One that the library connects itself. */
  socket() {
    const socket = new this.client.Socket();
    this.#opened.push(socket);
    return socket;
  }

  /** What a scenario left open is cut. */
  cut() {
    for (const each of this.#opened.splice(0)) {
      if (each instanceof this.client.Socket || each instanceof this.server.Socket) each.destroy();
      else each.close();
    }
  }
}

/** Two of our stacks and a bad line between them, in real time. */
export function badLine(seed) {
  const network = createNetwork({ clock: 'real', seed, keep: 0 });
  const [client, server] = network.hosts(2);
  const link = network.link(client, server, BAD_LINE);
  const net = ({ stack }) => createNet({ stack, driver: { stop() {}, ref() {}, unref() {} } });
  const ends = new Ends(net(server), net(client), server.ip, () => tallyOf(link));
  return { ends, close: () => network.close() };
}

function tallyOf({ link }) {
  const tallies = link.ends.map((end) => end.impairment.tally);
  const sum = (fate) => tallies.reduce((total, tally) => total + tally[fate], 0);
  return { packets: sum('passed') + sum('lost'), lost: sum('lost') };
}

export const KERNEL = '10.79.0.1';
export const OURS = '10.79.0.2';

/** Our stack on a TUN, the kernel its neighbour; to be made in a network namespace of its own. */
export function onTun() {
  const stack = createStack({ configuration: `tun:ws0,addr=${OURS}/24,kernel=${KERNEL}/24` });
  return {
    ours: () => new Ends(stack.net, kernelNet, OURS, null),
    kernels: () => new Ends(kernelNet, stack.net, KERNEL, null),
    close: () => stack.close(),
  };
}
