// The main job, unattended: in a network namespace of its own, the kernel's sockets against the stack's.

import { NetError } from '../../src/errors.js';
import { openTun } from '../../src/link/node/tun.js';
import type { StartOptions } from '../start.js';
import { checks, runChecks } from './checks.js';
import { KERNEL, serveOn, TX_QUEUE } from './host.js';
import { runInMemory } from './in-memory.js';
import { isInside, reenter } from './namespace.js';
import { KernelPeer } from './peers.js';

export async function selfTest(options: StartOptions): Promise<number> {
  if (options.memory === true) return runInMemory(options);
  if (!isInside()) {
    const args = process.argv.slice(2);
    const code = (process.getuid?.() === 0 ? reenter('root', args) : null) ?? reenter('user', args);
    if (code !== null) return code;
    console.log('No network namespace with a TUN is to be had here: the other end is a stack of our own, in memory.');
    return runInMemory(options);
  }
  return onTun(options);
}

async function onTun(options: StartOptions): Promise<number> {
  try {
    const device = openTun({
      medium: options.tap === true ? 'ethernet' : 'ip', addresses: [`${KERNEL.v4}/24`, `${KERNEL.v6}/64`], txQueueLength: TX_QUEUE,
    });
    const host = serveOn(device, { ...(options.pcap !== undefined && { pcap: options.pcap }) });
    const code = await runChecks(checks(new KernelPeer(), host.stack), options.only);
    await host.close();
    return code;
  } catch (error) {
    if (!(error instanceof NetError)) throw error;
    console.log(`No TUN for us: ${error.message}`);
    return runInMemory(options);
  }
}
