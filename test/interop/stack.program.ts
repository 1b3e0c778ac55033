// A serving stack on a real TUN, and real programs that talk to it. Run by stack.test.ts.

import { execFile } from 'node:child_process';

import type { Device, FrameSink } from '../../src/link/device.js';
import { openTun } from '../../src/link/node/tun.js';
import type { Packet } from '../../src/packet.js';
import { KERNEL, serveOn } from '../../tools/start/host.js';
import { perform } from './scenario.js';

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const run = (command: string): Promise<Ran> =>
  new Promise((resolve) => {
    execFile('sh', ['-c', command], { timeout: 15_000, maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
    });
  });

/** A firewall: what is for this TCP port arrives nowhere. */
export const FILTERED = 8081;

function filtered(device: Device): Device {
  const { name, medium, mtu, linkAddress, offload } = device;
  return {
    name, medium, mtu, linkAddress, offload,
    attach: (sink: FrameSink) => device.attach({
      receive(packet: Packet) {
        const b = packet.bytes;
        const at = packet.start;
        const isFiltered = b[at] === 0x45 && b[at + 9] === 6 && ((b[at + 22]! << 8) | b[at + 23]!) === FILTERED;
        if (isFiltered) packet.release();
        else sink.receive(packet);
      },
      batchEnd: () => sink.batchEnd(),
      lost: (error) => sink.lost(error),
    }),
    transmit: (packet) => device.transmit(packet),
    close: () => device.close(),
  };
}

await perform({
  /** Each command in its turn, against the stack at 10.77.0.2 and fd77::2; the last argument but one is a capture file or ''. */
  async commands(medium = 'ip', pcap = '', ...commands) {
    const device = openTun({
      medium: medium as 'ip' | 'ethernet', addresses: [`${KERNEL.v4}/24`, `${KERNEL.v6}/64`],
    });
    const host = serveOn(filtered(device), { ...(pcap !== '' && { pcap }) });
    const ran: Ran[] = [];
    for (const command of commands) ran.push(await run(command));
    const drops = host.stack.counters.dropped();
    await host.close();
    return { ran, drops };
  },
});
