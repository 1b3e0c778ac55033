// Node's modules on a host of a network: `net` and `dgram`, on that host's stack, its time and its faults.

import { createDgram } from '../../socket-api/node/dgram.js';
import type { Host as Ground } from '../../socket-api/node/host.js';
import { createNet } from '../../socket-api/node/net.js';
import type { Host } from '../network-node.js';

const grounds = new WeakMap<Host, Ground>();
const nets = new WeakMap<Host, typeof import('node:net')>();
const dgrams = new WeakMap<Host, typeof import('node:dgram')>();

/** The network drives the stack, and a test ends when it ends: nothing of it keeps a process alive. */
function groundOf(host: Host): Ground {
  let ground = grounds.get(host);
  if (ground === undefined) {
    ground = {
      // Another one when the host has started anew.
      get stack() { return host.stack; },
      driver: { ...host.driver, ref: () => {}, unref: () => {} },
    };
    grounds.set(host, ground);
  }
  return ground;
}

/** `node:net` on `host`: always the same module for the same host. Its timeouts go by the network's clock. */
export function netOf(host: Host): typeof import('node:net') {
  let net = nets.get(host);
  if (net === undefined) {
    net = createNet(groundOf(host));
    nets.set(host, net);
  }
  return net;
}

/** `node:dgram` on `host`, likewise. */
export function dgramOf(host: Host): typeof import('node:dgram') {
  let dgram = dgrams.get(host);
  if (dgram === undefined) {
    dgram = createDgram(groundOf(host));
    dgrams.set(host, dgram);
  }
  return dgram;
}
