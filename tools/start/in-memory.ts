// The main job where no device is to be had: the same services, and a client stack at the other end of a link in memory.

import { drive } from '../../src/driver.js';
import { createPipe } from '../../src/link/pipe.js';
import { Stack } from '../../src/stack.js';
import type { StartOptions } from '../start.js';
import { checks, runChecks } from './checks.js';
import { KERNEL, serveOn } from './host.js';
import { MemoryPeer } from './peers.js';

export async function runInMemory(options: StartOptions): Promise<number> {
  const [a, b] = createPipe({ mtu: 1500 });
  const host = serveOn(a, { ...(options.pcap !== undefined && { pcap: options.pcap }) });
  const client = new Stack();
  const driver = drive(client);
  client.addInterface(b, { addresses: [`${KERNEL.v4}/24`, `${KERNEL.v6}/64`] });
  const code = await runChecks(checks(new MemoryPeer(client), host.stack), options.only);
  driver.stop();
  await host.close();
  return code;
}
