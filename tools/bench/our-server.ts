// Ours: the bench's services on a stack of wallsocket behind a TUN, whose kernel's end is in this process's namespace.

import { drive, openTun, serveAll, Stack } from '../../src/node.js';
import { serveBench } from './service.js';

/** @param kernel  the kernel's address, as `10.0.0.1/24`; `stack` likewise is ours */
export async function serveOurs(device: string, kernel: string, stack: string): Promise<void> {
  const host = new Stack();
  host.addInterface(openTun({ name: device, mtu: 1500, addresses: [kernel] }), { addresses: [stack] });
  drive(host);
  // The services' assigned ports are those of the bench.
  serveAll(host, () => '');
  await serveBench();
}
